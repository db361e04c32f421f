import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { acquireBackend } from '../../../src/engine/tfjs-backends.ts';
import { keptTensors } from '../../../src/engine/tfjs.ts';

beforeAll(async () => {
  await acquireBackend({ backend: 'cpu' });
});

const bitsOf = (tensor: tf.Tensor): Int32Array => {
  const { buffer, byteOffset, length } = tensor.dataSync();
  return new Int32Array(buffer, byteOffset, length);
};

describe('KeptValues', () => {
  it('keeps equal values once, and frees them with the last user', () => {
    const changes: number[] = [];
    const kept = keptTensors(bitsOf, (change) => changes.push(change));
    const a = kept.keep(Float32Array.of(1, NaN, -0), [3]);
    expect(kept.keep(Float32Array.of(1, NaN, -0), [3])).toBe(a);
    kept.release(a);
    expect(a.isDisposed).toBe(false);
    kept.release(a);
    expect(a.isDisposed).toBe(true);
    kept.release(a);
    expect(changes).toEqual([12, -12]);
    expect(kept.keep(Float32Array.of(1, NaN, -0), [3])).not.toBe(a);
  });

  it('compares every element, not only those that its fingerprint looks at', () => {
    const kept = keptTensors(bitsOf, () => undefined);
    const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
    const first = kept.keep(values.slice(), [1000]);
    for (let place = 0; place < values.length; place++) {
      const other = values.slice();
      other[place] = 7;
      const tensor = kept.keep(other, [1000]);
      expect(tensor).not.toBe(first);
      kept.release(tensor);
    }
    expect(kept.keep(values, [1000])).toBe(first);
  });

  it('tells zero from minus zero, shapes and types apart', () => {
    const kept = keptTensors(bitsOf, () => undefined);
    const tensors = [
      kept.keep(Float32Array.of(0, 0), [2]),
      kept.keep(Float32Array.of(0, -0), [2]),
      kept.keep(Float32Array.of(0, 0), [1, 2]),
      kept.keep(Int32Array.of(0, 0), [2]),
    ];
    expect(new Set(tensors).size).toBe(4);
  });

  it('keeps one tensor per call where bits cannot be read', () => {
    const kept = keptTensors(undefined, () => undefined);
    const [a, b] = [kept.keep(Float32Array.of(1), [1]), kept.keep(Float32Array.of(1), [1])];
    expect(a).not.toBe(b);
    kept.release(a);
    expect([a.isDisposed, b.isDisposed]).toEqual([true, false]);
  });
});
