import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { conv } from '../../../src/kernels/conv.wasm.ts';
import { startKernels, type KernelVariant } from '../../../src/kernels/kernel-binary.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';
import { between, normals } from '../../support/random.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';

beforeAll(() => setFlagsFromString('--experimental-wasm-relaxed-simd'));

interface ConvExports {
  conv(geometry: number, x: number, zeros: number, table: number, w: number, bias: number, y: number, low: number, high: number, from: number, to: number): void;
} // prettier-ignore

type Triple = readonly [number, number, number];

interface Geometry {
  readonly input: Triple;
  readonly filter: Triple;
  readonly strides: Triple;
  readonly dilations: Triple;
  readonly before: Triple;
  readonly output: Triple;
  /** Channels of the tensors, and the group within them. */
  readonly inWidth: number;
  readonly inOffset: number;
  readonly inChannels: number;
  readonly outWidth: number;
  readonly outOffset: number;
  readonly outChannels: number;
  readonly round: number;
}

const GUARD = 1234;
const RANGES = [
  [-Infinity, Infinity],
  [0, Infinity],
  [0, 6],
];
const size = (extents: readonly number[]): number => extents.reduce((product, extent) => product * extent, 1);

function randomGeometry(random: Random): Geometry {
  const triple = (low: number, high: number): Triple => [between(random, low, high), between(random, low, high), between(random, low, high)]; // prettier-ignore
  const filter = triple(1, 3);
  const dilations = triple(1, 2);
  const strides = triple(1, 3);
  const before = triple(0, 2);
  const input = triple(1, 6);
  const span = filter.map((extent, axis) => (extent - 1) * dilations[axis]! + 1);
  const padded = input.map((extent, axis) => extent + before[axis]! + between(random, 0, 2));
  const output = padded.map((extent, axis) => {
    return Math.max(1, Math.floor((extent - span[axis]!) / strides[axis]!) + 1);
  }) as unknown as Triple;
  const inChannels = between(random, 1, 11);
  const outChannels = between(random, 1, 19);
  const inOffset = between(random, 0, 2);
  const outOffset = between(random, 0, 2);
  return {
    ...{ input, filter, strides, dilations, before, output, inChannels, outChannels, inOffset, outOffset },
    inWidth: inOffset + inChannels + between(random, 0, 2),
    outWidth: outOffset + outChannels + between(random, 0, 2),
    round: 4 * between(random, 1, 5),
  };
}

interface Data {
  readonly x: Float32Array;
  /** `[tap, input channel, output channel]` */
  readonly w: Float32Array;
  readonly bias: Float32Array;
}

async function run(
  variant: KernelVariant,
  g: Geometry,
  { x, w, bias }: Data,
  [low, high]: readonly number[],
  /** Places where another call goes on, as another thread would. */
  cuts: readonly number[] = [],
) {
  const taps = size(g.filter);
  const panels = Math.ceil(g.outChannels / 8);
  const filters = new Float32Array(panels * taps * g.inChannels * 8);
  for (let row = 0; row < taps * g.inChannels; row++) {
    for (let o = 0; o < g.outChannels; o++) {
      filters[((o >> 3) * taps * g.inChannels + row) * 8 + (o & 7)] = w[row * g.outChannels + o]!;
    }
  }
  const biases = new Float32Array(panels * 8);
  biases.set(bias);
  const fields = Int32Array.from([
    ...[g.input, g.output, g.filter, g.strides, g.dilations, g.before].flat(),
    ...[4 * g.inWidth, 4 * g.outWidth, g.inChannels, g.outChannels, g.round],
  ]);
  const ySize = size(g.output) * g.outWidth;
  const sizes = [fields.length, x.length, g.inChannels, g.round * taps, filters.length, biases.length, ySize, 1]; // prettier-ignore
  const addresses = sizes.map((_, index) => 4 + 4 * sizes.slice(0, index).reduce((a, b) => a + b, 0)); // prettier-ignore
  const total = 4 + 4 * sizes.reduce((a, b) => a + b);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(total / 65_536) });
  const at = (index: number): Float32Array => new Float32Array(memory.buffer, addresses[index], sizes[index]);
  new Int32Array(memory.buffer, addresses[0], fields.length).set(fields);
  at(1).set(x);
  at(4).set(filters);
  at(5).set(biases);
  at(6).fill(GUARD);
  at(7).fill(GUARD);
  const { exports } = (await startKernels<ConvExports>(conv, memory, [variant]))!;
  const [geometry, source, zeros, table, weights, terms, target] = addresses as [number, number, number, number, number, number, number]; // prettier-ignore
  const bounds = [0, ...cuts, size(g.output)];
  for (const [part, from] of bounds.slice(0, -1).entries()) {
    exports.conv(geometry, source + 4 * g.inOffset, zeros, table, weights, terms, target + 4 * g.outOffset, low!, high!, from, bounds[part + 1]!); // prettier-ignore
  }
  expect(at(7)[0]).toBe(GUARD);
  expect(at(2).every((value) => value === 0)).toBe(true);
  return at(6).slice();
}

/** The definition, in double precision. */
function expected(g: Geometry, { x, w, bias }: Data, [low, high]: readonly number[]): Float64Array {
  const y = new Float64Array(size(g.output) * g.outWidth).fill(GUARD);
  const [, rows, columns] = g.input;
  const [, filterRows, filterColumns] = g.filter;
  const [, outRows, outColumns] = g.output;
  for (let place = 0; place < size(g.output); place++) {
    const out = [Math.floor(place / (outRows * outColumns)), Math.floor(place / outColumns) % outRows, place % outColumns]; // prettier-ignore
    for (let o = 0; o < g.outChannels; o++) {
      let sum = bias[o]!;
      for (let tap = 0; tap < size(g.filter); tap++) {
        const t = [Math.floor(tap / (filterRows * filterColumns)), Math.floor(tap / filterColumns) % filterRows, tap % filterColumns]; // prettier-ignore
        const at = out.map((index, axis) => index * g.strides[axis]! - g.before[axis]! + t[axis]! * g.dilations[axis]!); // prettier-ignore
        if (at.some((index, axis) => index < 0 || index >= g.input[axis]!)) continue;
        const pixel = ((at[0]! * rows + at[1]!) * columns + at[2]!) * g.inWidth + g.inOffset;
        for (let i = 0; i < g.inChannels; i++) {
          sum += x[pixel + i]! * w[(tap * g.inChannels + i) * g.outChannels + o]!;
        }
      }
      y[place * g.outWidth + g.outOffset + o] = Math.min(Math.max(sum, low!), high!);
    }
  }
  return y;
}

function randomData(g: Geometry, random: Random): Data {
  return {
    x: normals(random, size(g.input) * g.inWidth),
    w: normals(random, size(g.filter) * g.inChannels * g.outChannels),
    bias: normals(random, g.outChannels),
  };
}

describe.each(['simd', 'relaxed'] as const)('conv (%s)', (variant) => {
  const cases = runs(300);
  it(`agrees with the definition, and writes nothing else: ${describeRuns(cases)}`, async () => {
    const check = async (seed: number): Promise<void> => {
      const random = seededRandom(seed);
      const g = randomGeometry(random);
      const data = randomData(g, random);
      const range = RANGES[random.integer(RANGES.length)]!;
      const y = await run(variant, g, data, range);
      const wanted = expected(g, data, range);
      const tolerance = 1e-5 * Math.sqrt(size(g.filter) * g.inChannels);
      const off = y.findIndex((value, index) => !(Math.abs(value - wanted[index]!) <= tolerance));
      expect(off, `case ${seed}: ${JSON.stringify(g)}`).toBe(-1);
    };
    await fc.assert(fc.asyncProperty(seeds(), check), cases);
  });

  it('gives the same bits whatever is computed in one round', async () => {
    const random = seededRandom(7);
    const g = { ...randomGeometry(random), input: [3, 9, 9], output: [2, 8, 8], filter: [2, 2, 2], strides: [1, 1, 1], dilations: [1, 1, 1], before: [0, 0, 0] } as const; // prettier-ignore
    const data = randomData(g, random);
    const whole = await run(variant, { ...g, round: 128 }, data, [-Infinity, Infinity]);
    for (const round of [4, 8, 60]) {
      expect(await run(variant, { ...g, round }, data, [-Infinity, Infinity])).toEqual(whole);
    }
  });

  it('gives the same bits in parts that begin at whole groups of four places', async () => {
    const random = seededRandom(11);
    const g = { ...randomGeometry(random), input: [3, 9, 9], output: [2, 7, 7], filter: [2, 3, 3], strides: [1, 1, 1], dilations: [1, 1, 1], before: [0, 0, 0], round: 12 } as const; // prettier-ignore
    const data = randomData(g, random);
    const whole = await run(variant, g, data, [0, 6]);
    for (const cuts of [[4], [48], [20, 40, 96]]) {
      expect(await run(variant, g, data, [0, 6], cuts)).toEqual(whole);
    }
  });

  it('passes NaN on through the clamp', async () => {
    const g = { input: [1, 1, 1], filter: [1, 1, 1], strides: [1, 1, 1], dilations: [1, 1, 1], before: [0, 0, 0], output: [1, 1, 1], inWidth: 1, inOffset: 0, inChannels: 1, outWidth: 1, outOffset: 0, outChannels: 1, round: 4 } as const; // prettier-ignore
    const data = { x: Float32Array.of(NaN), w: Float32Array.of(1), bias: Float32Array.of(0) };
    expect(await run(variant, g, data, [0, 6])).toEqual(Float32Array.of(NaN));
  });
});
