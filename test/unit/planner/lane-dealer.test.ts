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
});
