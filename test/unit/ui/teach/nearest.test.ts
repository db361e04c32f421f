import { describe, expect, it } from 'vitest';
import { nearestShares, pooled, unitVector } from '../../../../src/ui/teach/nearest.ts';

const unit = (...values: readonly number[]): Float32Array => unitVector(Float32Array.from(values));

describe('nearest examples', () => {
  it('have a direction, and no length', () => {
    expect([...unit(3, 4)]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect([...unit(0, 0)]).toEqual([0, 0]);
  });

  it('are of the class that is like what is asked', () => {
    const classes = [
      [unit(1, 0.1), unit(1, 0), unit(1, 0.2)],
      [unit(0.1, 1), unit(0, 1), unit(0.3, 1)],
    ];
    expect(nearestShares(classes, unit(5, 1))).toEqual([1, 0]);
    expect(nearestShares(classes, unit(0.2, 1))).toEqual([0, 1]);
  });

  it('are no more than the smallest class has, so that a large one does not win by its size', () => {
    const many = Array.from({ length: 50 }, (_, index) => unit(1, 0.5 + index / 100));
    expect(nearestShares([many, [unit(1, 0)], []], unit(1, 0.01))).toEqual([0, 1, 0]);
  });

  it('share where they are mixed', () => {
    const classes = [
      [unit(1, 0), unit(1, 1), unit(0, 1)],
      [unit(1, 0.9), unit(-1, 0), unit(0, -1)],
    ];
    const [first, second] = nearestShares(classes, unit(1, 0.95));
    expect(first! + second!).toBeCloseTo(1);
    expect(first).toBeCloseTo(2 / 3);
  });

  it('of nothing are nothing', () => {
    expect(nearestShares([[], []], unit(1, 0))).toEqual([0, 0]);
  });

  it('have maps of channels pooled to their means', () => {
    expect([...pooled(Float32Array.of(1, 10, 3, 20), 2)]).toEqual([2, 15]);
    const vector = Float32Array.of(1, 2);
    expect(pooled(vector, 2)).toBe(vector);
  });
});
