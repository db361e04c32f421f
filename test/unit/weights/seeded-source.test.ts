import { describe, expect, it } from 'vitest';
import { fullBox, shapeSize, type Box } from '../../../src/graph/box.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { seededSource, seededTensors } from '../../../src/weights/seeded-source.ts';
import { Chain } from '../../support/small-networks.ts';

const tensor = (name: string, shape: readonly number[], center = 0, spread = 1) => ({
  name,
  shape,
  center,
  spread,
});

describe('seededSource', () => {
  it('gives the same bits everywhere: the first elements of a seed, written down', async () => {
    const source = seededSource([tensor('a/kernel', [4]), tensor('b/kernel', [4], 1, 0.25)], 1);
    const a = await source.read('a/kernel', [[0, 4]]);
    const b = await source.read('b/kernel', [[0, 4]]);
    expect([...new Uint32Array(a.buffer)].map((bits) => bits.toString(16))).toEqual([
      '3d37b8a5',
      'bc0d3312',
      '3e1887c8',
      '3eca66d7',
    ]);
    expect([...new Uint32Array(b.buffer)].map((bits) => bits.toString(16))).toEqual([
      '3f975fba',
      '3f489307',
      '3f927ce8',
      '3f904905',
    ]);
  });

  it('reads any box as the crop of the whole (seed 11)', async () => {
    const random = seededRandom(11);
    const shape = [5, 4, 6, 7];
    const source = seededSource([tensor('kernel', shape)], 3);
    const whole = await source.read('kernel', fullBox(shape));
    for (let round = 0; round < 50; round++) {
      const box: Box = shape.map((extent) => {
        const start = random.integer(extent + 1);
        return [start, start + random.integer(extent - start + 1)] as const;
      });
      expect(await source.read('kernel', box), JSON.stringify(box)).toEqual(
        cropRegion(whole, fullBox(shape), box),
      );
    }
  });

  it('reads a box far into a tensor larger than memory, and one longer than a batch', async () => {
    const source = seededSource([tensor('huge', [1 << 16, 1 << 16, 8]), tensor('long', [3_000_000])], 3);
    const far = await source.read('huge', [
      [65_535, 65_536],
      [65_000, 65_001],
      [2, 6],
    ]);
    expect(far).toHaveLength(4);
    expect(new Set(far).size).toBe(4);
    const long = await source.read('long', [[0, 3_000_000]]);
    expect(long.slice(2_500_000, 2_500_010)).toEqual(await source.read('long', [[2_500_000, 2_500_010]]));
  });

  it('is uniform, without a trace of the counter, and different for every name and seed', async () => {
    const count = 1 << 20;
    const read = (name: string, seed: number) =>
      seededSource([tensor(name, [count])], seed).read(name, [[0, count]]);
    const samples = await Promise.all([read('a', 1), read('b', 1), read('a', 2), read('a', 0)]);
    for (const values of samples) {
      const buckets = new Float64Array(64);
      for (const value of values) buckets[Math.floor((value + 1) * 32)]! += 1;
      // Six standard deviations of a bucket's count.
      for (const bucket of buckets)
        expect(Math.abs(bucket - count / 64)).toBeLessThan(6 * Math.sqrt(count / 64));
      for (const lag of [1, 2, 64, 512, 4096]) {
        expect(Math.abs(correlation(values.subarray(0, -lag), values.subarray(lag)))).toBeLessThan(0.006);
      }
    }
    for (const [i, one] of samples.entries()) {
      for (const other of samples.slice(i + 1)) expect(Math.abs(correlation(one, other))).toBeLessThan(0.006);
    }
  });

  it('stops between two batches when it is aborted', async () => {
    const source = seededSource([tensor('long', [4_000_000])], 3);
    const abort = new AbortController();
    const reading = source.read('long', [[0, 4_000_000]], abort.signal);
    abort.abort();
    await expect(reading).rejects.toThrow();
  });

  it('names a tensor that it does not have', async () => {
    await expect(seededSource([], 1).read('kernel', [])).rejects.toMatchObject({ code: 'WEIGHTS_MISSING' });
  });
});

describe('seededTensors', () => {
  it('scales kernels by fan-in, and more where a rectifier follows, behind bias and pool too', () => {
    const graph = new Chain([8, 8, 4])
      .conv('one', 3, 6)
      .pool('pool')
      .relu('relu')
      .dense('two', 5)
      .graph('net', ['two/bias']);
    const spread = new Map(seededTensors(graph).map(({ name, spread }) => [name, spread]));
    expect(spread.get('one/kernel')).toBeCloseTo(Math.sqrt(6 / 36), 12);
    expect(spread.get('two/kernel')).toBeCloseTo(Math.sqrt(3 / (3 * 3 * 6)), 12);
  });

  it('keeps variances positive', async () => {
    const graph = new Chain([4, 4, 64])
      .conv('conv', 1, 64)
      .add('norm', { kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true }, [
        'mean',
        'variance',
        'gamma',
        'beta',
      ])
      .graph('net', ['norm']);
    const tensors = seededTensors(graph);
    const variance = await seededSource(tensors, 5).read('norm/variance', [[0, 64]]);
    expect(Math.min(...variance)).toBeGreaterThan(0.5);
    expect(shapeSize(tensors.find(({ name }) => name === 'norm/gamma')!.shape)).toBe(64);
  });
});

function correlation(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  // Both have a variance of a third.
  return (3 * sum) / a.length;
}
