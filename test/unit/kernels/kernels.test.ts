import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelModule, kernelNames, kernelPath } from '../../../scripts/kernels.mjs';
import { dense } from '../../../src/kernels/dense.wasm.ts';
import { startKernels, type KernelVariant } from '../../../src/kernels/kernel-binary.ts';
import { seededRandom } from '../../../src/shared/random.ts';

beforeAll(() => setFlagsFromString('--experimental-wasm-relaxed-simd'));

describe('the committed kernels', () => {
  it.each(kernelNames())('%s is what its source compiles to: else run `npm run kernels`', async (name) => {
    expect(existsSync(kernelPath(name))).toBe(true);
    expect(readFileSync(kernelPath(name), 'utf8')).toBe(await kernelModule(name));
  });

  it('have a source each', () => {
    const committed = readdirSync('src/kernels').filter((file) => file.endsWith('.wasm.ts'));
    expect(committed.sort()).toEqual(kernelNames().map((name) => `${name}.wasm.ts`));
  });
});

describe('starting a kernel', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });

  it('takes the best build that the platform runs, or one that is asked for', async () => {
    expect((await startKernels(dense, memory))?.variant).toBe('relaxed');
    expect((await startKernels(dense, memory, ['simd']))?.variant).toBe('simd');
    expect(await startKernels({ name: 'none', simd: '' }, memory)).toBeUndefined();
    expect(await startKernels(dense, memory, [])).toBeUndefined();
  });

  it('says which kernel does not start', async () => {
    const none = {} as WebAssembly.Memory;
    await expect(startKernels(dense, none)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('dense') as string,
    });
  });
});

interface DenseExports {
  dense(x: number, w: number, b: number, y: number, rows: number, units: number, lo: number, hi: number, from: number, to: number): void;
} // prettier-ignore

const UNTOUCHED = 1234;

/** The kernel on arrays of its own, with a guard behind the result and addresses that are multiples of 4 alone. */
async function run(variant: KernelVariant, rows: number, units: number, options: { bias?: boolean; range?: [number, number]; seed: number; base?: number; cuts?: number[] }) {
  const { bias = false, range = [-Infinity, Infinity], seed, base = 4, cuts = [] } = options;
  const sizes = [rows, rows * units, units, units + 1];
  const memory = new WebAssembly.Memory({ initial: Math.ceil((base + 4 * sizes.reduce((a, b) => a + b)) / 65536) });
  const addresses = sizes.map((_, index) => base + 4 * sizes.slice(0, index).reduce((a, b) => a + b, 0));
  const [x, w, b, y] = sizes.map((size, index) => new Float32Array(memory.buffer, addresses[index], size)) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const random = seededRandom(seed);
  for (const array of [x, w, b]) for (let i = 0; i < array.length; i++) array[i] = random.normal();
  y.fill(UNTOUCHED);
  const { exports } = (await startKernels<DenseExports>(dense, memory, [variant]))!;
  const bounds = [0, ...cuts, units];
  for (const [part, from] of bounds.slice(0, -1).entries()) {
    exports.dense(addresses[0]!, addresses[1]!, bias ? addresses[2]! : 0, addresses[3]!, rows, units, ...range, from, bounds[part + 1]!);
  }
  return { x, w, b, y };
} // prettier-ignore

describe.each(['simd', 'relaxed'] as const)('dense (%s)', (variant) => {
  it.each([
    [1, 1],
    [7, 3],
    [8, 4],
    [9, 5],
    [16, 17],
    [23, 64],
    [100, 2],
    [0, 6],
    [257, 129],
  ])('%i × %i: x · W + bias, clamped, and nothing behind the result', async (rows, units) => {
    for (const bias of [false, true]) {
      for (const range of [
        [-Infinity, Infinity],
        [0, Infinity],
        [0, 6],
      ] as [number, number][]) {
        // prettier-ignore
        const { x, w, b, y } = await run(variant, rows, units, { bias, range, seed: rows * 31 + units });
        for (let o = 0; o < units; o++) {
          let sum = bias ? b[o]! : 0;
          for (let i = 0; i < rows; i++) sum += x[i]! * w[i * units + o]!;
          const expected = Math.min(Math.max(sum, range[0]), range[1]);
          expect(Math.abs(y[o]! - expected)).toBeLessThan(1e-4);
        }
        expect(y[units]).toBe(UNTOUCHED);
      }
    }
  });

  it('computes a column alike whatever columns are beside it', async () => {
    const [rows, units] = [50, 23];
    const whole = await run(variant, rows, units, { seed: 5 });
    for (const [from, to] of [
      [0, 1],
      [3, 23],
      [22, 23],
      [5, 14],
    ] as const) {
      // prettier-ignore
      const width = to - from;
      const memory = new WebAssembly.Memory({ initial: 1 });
      const f32 = new Float32Array(memory.buffer);
      f32.set(whole.x, 0);
      for (let i = 0; i < rows; i++) {
        f32.set(whole.w.subarray(i * units + from, i * units + to), 100 + i * width);
      }
      const { exports } = (await startKernels<DenseExports>(dense, memory, [variant]))!;
      exports.dense(0, 400, 0, 40_000, rows, width, -Infinity, Infinity, 0, width);
      expect([...f32.subarray(10_000, 10_000 + width)]).toEqual([...whole.y.subarray(from, to)]);
    }
  });

  it('gives the same bits in parts, with a bias and a clamp', async () => {
    const options = { seed: 9, bias: true, range: [0, 6] as [number, number] };
    const whole = await run(variant, 50, 39, options);
    for (const cuts of [[16], [1, 2, 38], [16, 32]]) {
      expect([...(await run(variant, 50, 39, { ...options, cuts })).y]).toEqual([...whole.y]);
    }
  });

  it('passes NaN on through the clamp', async () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const f32 = new Float32Array(memory.buffer);
    f32.set([NaN, 1, 1, 1, 1, 1], 1);
    const { exports } = (await startKernels<DenseExports>(dense, memory, [variant]))!;
    exports.dense(4, 8, 0, 64, 1, 5, 0, 6, 0, 5);
    expect([...f32.subarray(16, 21)]).toEqual(Array(5).fill(NaN));
  });
});

describe('dense above 2 GiB', () => {
  it('takes addresses as they are', async () => {
    const base = 2 ** 31 + 65_540;
    // Pages that nobody writes to cost nothing.
    const low = await run('simd', 12, 9, { seed: 1 });
    const high = await run('simd', 12, 9, { seed: 1, base });
    expect([...high.y]).toEqual([...low.y]);
  });
});
