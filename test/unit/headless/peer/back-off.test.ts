import { describe, expect, it } from 'vitest';
import { BackOff } from '../../../../headless/peer/back-off.ts';

const pauses = (backOff: BackOff, count: number): number[] =>
  Array.from({ length: count }, () => backOff.next());

describe('the pauses between tries', () => {
  it('double up to the longest, and begin anew after a success', () => {
    const backOff = new BackOff({ firstMs: 1000, longestMs: 30_000, random: () => 1 });
    expect(pauses(backOff, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    backOff.reset();
    expect(backOff.next()).toBe(1000);
  });

  it('lie anywhere between half and all of that', () => {
    const draws = [0, 0.25, 0.999];
    const backOff = new BackOff({ firstMs: 1000, longestMs: 1000, random: () => draws.shift()! });
    expect(pauses(backOff, 3)).toEqual([500, 625, 999.5]);
  });

  it('stay finite for ever', () => {
    const backOff = new BackOff({ firstMs: 1000, longestMs: 30_000, random: () => 0 });
    expect(new Set(pauses(backOff, 5000).slice(5))).toEqual(new Set([15_000]));
  });
});
