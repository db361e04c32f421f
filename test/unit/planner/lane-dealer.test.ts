import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/planner/plan.ts';
import { LaneDealer } from '../../../src/planner/lane-dealer.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

const planWithShares = (...shares: number[][]): Plan => ({
  session: asSessionId('0'.repeat(32)),
  epoch: 0,
  model: 'test',
  segments: shares.map((lanes, index) => ({
    ops: [index, index + 1],
    lanes: lanes.map((share) => ({ share, tiles: [] })),
  })),
});

describe('LaneDealer', () => {
  it('deals in proportion to the shares, without runs', () => {
    const dealer = new LaneDealer(planWithShares([3, 1]));
    const dealt = Array.from({ length: 8 }, () => dealer.next()[0]);
    expect(dealt).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
  });

  it('deals every segment by its own shares', () => {
    const dealer = new LaneDealer(planWithShares([1], [1, 1], [2, 1, 1]));
    const dealt = Array.from({ length: 40 }, () => dealer.next());
    const counts = (segment: number): number[] => {
      const result: number[] = [];
      for (const lanes of dealt) result[lanes[segment]!] = (result[lanes[segment]!] ?? 0) + 1;
      return result;
    };
    expect(counts(0)).toEqual([40]);
    expect(counts(1)).toEqual([20, 20]);
    expect(counts(2)).toEqual([20, 10, 10]);
  });

  it('passes over lanes that are full, which make up for little of it later', () => {
    const dealer = new LaneDealer(planWithShares([2, 1, 1]));
    const dealt = (count: number, full: readonly number[]): number[] =>
      Array.from({ length: count }, () => dealer.next((_segment, lane) => full.includes(lane))[0]!);
    expect(dealt(10, [0]).includes(0)).toBe(false);
    // In proportion again, but for the two that it was owed.
    const later = dealt(16, []);
    expect(later.filter((lane) => lane === 0).length).toBeGreaterThanOrEqual(8);
    expect(later.filter((lane) => lane === 0).length).toBeLessThanOrEqual(10);
    expect(dealt(4, [1, 2])).toEqual([0, 0, 0, 0]);
  });

  it('deals on where all lanes are full', () => {
    const dealer = new LaneDealer(planWithShares([3, 1]));
    const dealt = Array.from({ length: 8 }, () => dealer.next(() => true)[0]);
    expect(dealt).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
  });
});
