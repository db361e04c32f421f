import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createNativeEngine } from '../../src/engine/native.ts';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import type { Engine, LoadedTile } from '../../src/engine/engine.ts';
import type { Op } from '../../src/graph/op.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { missingNative, nativeFolders } from './engine-native-harness.ts';
import { chainGraph, programInputs, programWeights, randomTensors, wholeRequest } from './engine-tile.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const conv = (attributes: Partial<Extract<Op, { kind: 'conv' }>>): Op => ({
  kind: 'conv',
  kernelSize: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [[1, 1], [1, 1]], // prettier-ignore
  groups: 1,
  outChannels: 8,
  ...attributes,
});
const conv3d = (attributes: Partial<Extract<Op, { kind: 'conv' }>>): Op =>
  conv({
    kernelSize: [3, 1, 1],
    strides: [1, 1, 1],
    dilations: [1, 1, 1],
    padding: [[1, 1], [0, 0], [0, 0]], // prettier-ignore
    ...attributes,
  });

describe('tfjs', () => {
  it.each([
    ['wasm', undefined, 'once'],
    // tfjs' own kernels pack.
    ['wasm', [], 'packed'],
    ['cpu', undefined, 'packed'],
  ] as const)(
    'on %s with the kernels %s says that it holds weights %s',
    async (backend, kernels, storage) => {
      const engine = await createTfjsEngine({ backend, ...(kernels ? { kernels } : {}) });
      expect(engine.weightStorage).toBe(storage);
      await engine.dispose();
    },
  );
});

describe('tfjs wasm', () => {
  it('lets go of the raw weights once they are on its heap', async () => {
    const engine = await createTfjsEngine({ backend: 'wasm' });
    const kept: LoadedTile[] = [];
    const load = async (
      graph: ReturnType<typeof chainGraph>,
    ): Promise<[string, WeakRef<ArrayBufferLike>][]> => {
      const program = compileTile(graph, wholeRequest(graph));
      const weights = programWeights(graph, program, randomTensors(graph, 1).weights);
      kept.push(await engine.load(program, weights));
      return weights.map((weight, index) => [program.weights[index]!.name, new WeakRef(weight.buffer)]);
    };
    const references = [
      ...(await load(
        chainGraph([6, 6, 4], [
          [conv({}), ['kernel']],
          [{ kind: 'bias' }, ['bias']],
          [conv({ groups: 8 }), ['kernel']],
          [{ kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true }, ['mean', 'variance', 'gamma', 'beta']],
          [conv({ groups: 2 }), ['kernel']],
          [conv({ strides: [2, 2], dilations: [2, 2] }), ['kernel']],
          [{ kind: 'dense', units: 4 }, ['kernel']],
        ]),
      )),
      ...(await load(
        chainGraph([4, 2, 2, 4], [
          [conv3d({}), ['kernel']],
          [conv3d({ outChannels: 2 }), ['kernel']],
        ]),
      )),
    ]; // prettier-ignore
    // Weak references hold until the current job ends.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(references.filter(([, reference]) => reference.deref()).map(([name]) => name)).toEqual([]);
    expect(references.length).toBeGreaterThan(8);
    await engine.dispose();
  });
});

describe.skipIf(missingNative)(`native${missingNative ? `: skipped, ${missingNative}` : ''}`, () => {
  it('keeps dense kernels as they came, and lets go of convolutions that it has put into another order', async () => {
    const engine = await createNativeEngine({ folders: nativeFolders, constantKernels: false });
    const graph = chainGraph([6, 6, 4], [
      [conv({}), ['kernel']],
      [conv({ groups: 2 }), ['kernel']],
      [{ kind: 'dense', units: 4 }, ['kernel']],
    ]); // prettier-ignore
    const program = compileTile(graph, wholeRequest(graph));
    const load = async (): Promise<readonly [LoadedTile, readonly WeakRef<ArrayBufferLike>[]]> => {
      const weights = programWeights(graph, program, randomTensors(graph, 1).weights);
      return [await engine.load(program, weights), weights.map(({ buffer }) => new WeakRef(buffer))];
    };
    const [, first] = await load();
    // Of equal weights all goes.
    const [, second] = await load();
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const held = (references: readonly WeakRef<ArrayBufferLike>[]): boolean[] =>
      references.map((reference) => reference.deref() !== undefined);
    expect(held(first)).toEqual([false, false, true]);
    expect(held(second)).toEqual([false, false, false]);
    await engine.dispose();
  });

  it('needs nothing of the kernels that sessions pack', async () => {
    const engine = await createNativeEngine({ folders: nativeFolders, constantKernels: true });
    expect(engine.weightStorage).toBe('packed');
    const graph = chainGraph(
      [12, 12, 16],
      [
        [conv({ outChannels: 64 }), ['kernel']],
        [{ kind: 'bias' }, ['bias']],
      ],
    );
    const program = compileTile(graph, wholeRequest(graph));
    const tensors = randomTensors(graph, 1);
    const load = async (): Promise<readonly [LoadedTile, readonly WeakRef<ArrayBufferLike>[]]> => {
      const weights = programWeights(graph, program, tensors.weights);
      return [await engine.load(program, weights), weights.map(({ buffer }) => new WeakRef(buffer))];
    };
    const idle = await engine.memory();
    const [tile, references] = await load();
    expect((await engine.memory()).bytes - idle.bytes).toBe(4 * 9 * 16 * 64);
    const run = async () => (await tile.run(programInputs(graph, program, tensors.inputs))).outputs[0];
    const before = await run();
    // What another thread has just let go of may take another round.
    await expect
      .poll(() => {
        collectGarbage();
        return references.filter((reference) => reference.deref()).length;
      })
      .toBe(0);
    // In the place of what was collected, if it is used again.
    const others = Array.from({ length: 64 }, () => new Float32Array(9 * 16 * 64).fill(NaN));
    expect(await run()).toEqual(before);
    expect(others).toHaveLength(64);
    await tile.dispose();
    expect(await engine.memory()).toEqual(idle);
    await engine.dispose();
  });
});

const engines: readonly (readonly [name: string, create: () => Promise<Engine>])[] = [
  ['tfjs wasm', () => createTfjsEngine({ backend: 'wasm' })],
  ['tfjs cpu', () => createTfjsEngine({ backend: 'cpu' })],
  ...(missingNative
    ? []
    : [['native', () => createNativeEngine({ folders: nativeFolders, constantKernels: false })] as const]),
];

describe.each(engines)('equal weights on %s', (_name, create) => {
  const graph = chainGraph(
    [40, 6, 8],
    [
      [conv({ outChannels: 16 }), ['kernel']],
      [{ kind: 'bias' }, ['bias']],
      [{ kind: 'dense', units: 5 }, ['kernel']],
    ],
  );
  const tensors = randomTensors(graph, 3);
  const program = compileTile(graph, wholeRequest(graph));
  const weights = () => programWeights(graph, program, tensors.weights);
  const inputs = () => programInputs(graph, program, tensors.inputs);

  it('are held once, until the last tile that brought them is disposed', async () => {
    const engine = await create();
    const idle = await engine.memory();
    const first = await engine.load(program, weights());
    const one = await engine.memory();
    const second = await engine.load(program, weights());
    expect(await engine.memory()).toEqual(one);
    const expected = (await first.run(inputs())).outputs;
    await first.dispose();
    expect(await engine.memory()).toEqual(one);
    expect((await second.run(inputs())).outputs).toEqual(expected);
    await second.dispose();
    await second.dispose();
    expect(await engine.memory()).toEqual(idle);
    await engine.dispose();
  });

  it('are shared by row bands, whose borders differ', async () => {
    const engine = await create();
    const bandBytes: number[] = [];
    for (const rows of [
      [0, 13],
      [13, 26],
      [26, 40],
    ] as const) {
      const band = compileTile(graph, { ops: [0, 2], outputs: [{ tensor: 'n1', box: [rows, [0, 6], [0, 16]] }] }); // prettier-ignore
      const before = (await engine.memory()).bytes;
      await engine.load(band, programWeights(graph, band, tensors.weights));
      bandBytes.push((await engine.memory()).bytes - before);
    }
    const filterBytes = 4 * 3 * 3 * 8 * 16;
    expect(bandBytes[0]).toBeGreaterThanOrEqual(filterBytes);
    // Tables of their geometry, which are theirs.
    expect(bandBytes[1]).toBeLessThan(400);
    expect(bandBytes[2]).toBeLessThan(400);
    await engine.dispose();
  });

  it('are told from weights that differ in one bit anywhere', async () => {
    const engine = await create();
    const one = await engine.load(program, weights());
    const other = weights();
    const kernel = other.find(({ length }) => length === 40 * 6 * 16 * 5)!;
    const place = kernel.length - 2;
    kernel[place] = kernel[place]! + 0.5;
    const two = await engine.load(program, other);
    const [a, b] = [(await one.run(inputs())).outputs[0]!, (await two.run(inputs())).outputs[0]!];
    const changed = [...a.keys()].filter((index) => a[index] !== b[index]);
    expect(changed).toEqual([place % 5]);
    await engine.dispose();
  });

  it('leave nothing behind over many loads, runs and disposals', async () => {
    const engine = await create();
    const idle = await engine.memory();
    let loaded: unknown;
    for (let cycle = 0; cycle < 40; cycle++) {
      const tiles = [await engine.load(program, weights()), await engine.load(program, weights())];
      loaded ??= await engine.memory();
      for (const tile of tiles) await tile.run(inputs());
      expect(await engine.memory()).toEqual(loaded);
      // In turns the older or the newer one goes first.
      for (const tile of cycle % 2 ? tiles : tiles.reverse()) await tile.dispose();
      expect(await engine.memory()).toEqual(idle);
    }
    await engine.dispose();
  });
});
