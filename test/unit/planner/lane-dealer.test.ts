import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/planner/plan.ts';
import { laneFrames, LaneDealer } from '../../../src/planner/lane-dealer.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';

const SEED = 20190109;

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

  it('deals to the lane that has least to do for its share', () => {
    const dealer = new LaneDealer(planWithShares([2, 1, 1]));
    const dealt = (...inFlight: number[]): number => dealer.next((_, lane) => inFlight[lane]!)[0]!;
    expect(dealt(4, 2, 1)).toBe(2);
    expect(dealt(3, 2, 2)).toBe(0);
    expect(dealt(1, 0, 1)).toBe(1);
    // In proportion again, but for the two that others are owed.
    const later = Array.from({ length: 16 }, () => dealer.next()[0]!);
    expect(later.filter((lane) => lane === 0).length).toBeGreaterThanOrEqual(7);
    expect(later.filter((lane) => lane === 0).length).toBeLessThanOrEqual(9);
  });

  it('has two on every lane that has room for them before others have more', () => {
    const dealer = new LaneDealer(planWithShares([0.45, 0.33, 0.22]), 6);
    const inFlight = [0, 0, 0];
    for (let frame = 0; frame < 6; frame++) inFlight[dealer.next((_, lane) => inFlight[lane]!)[0]!]! += 1;
    expect(inFlight).toEqual([2, 2, 2]);
    const uneven = new LaneDealer(planWithShares([0.9, 0.1]), 4);
    const few = [0, 0];
    for (let frame = 0; frame < 4; frame++) few[uneven.next((_, lane) => few[lane]!)[0]!]! += 1;
    expect(few).toEqual([3, 1]);
  });

  it('never has more on a lane than it says, whatever is done first', () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 500; round++) {
      const shares = Array.from({ length: 2 + Math.floor(random.next() * 7) }, () => 0.01 + random.next());
      const window = 1 + Math.floor(random.next() * 20);
      const lanes = shares.map((share) => ({ share }));
      const dealer = new LaneDealer(planWithShares(shares), window);
      const frames: number[] = [];
      const inFlight = (lane: number): number => frames.filter((each) => each === lane).length;
      for (let frame = 0; frame < 60; frame++) {
        const [lane] = dealer.next((_, each) => inFlight(each));
        frames.push(lane!);
        expect(inFlight(lane!), `seed ${SEED}, round ${round}`).toBeLessThanOrEqual(
          laneFrames(lanes, lane!, window),
        );
        if (frames.length === window) frames.splice(Math.floor(random.next() * window), 1);
      }
    }
  });

  it('keeps all lanes busy, whatever their shares: one that is quicker gets more', () => {
    // The shares say 1:1, and the second lane takes three times as long.
    const dealer = new LaneDealer(planWithShares([1, 1]));
    const takesMs = [1, 3];
    const freeMs = [0, 0];
    const done = [0, 0];
    const frames: { readonly lane: number; readonly endMs: number }[] = [];
    for (let nowMs = 0; nowMs < 300;) {
      while (frames.length < 4) {
        const [lane] = dealer.next((_, each) => frames.filter((frame) => frame.lane === each).length);
        freeMs[lane!] = Math.max(freeMs[lane!]!, nowMs) + takesMs[lane!]!;
        frames.push({ lane: lane!, endMs: freeMs[lane!]! });
      }
      frames.sort((a, b) => a.endMs - b.endMs);
      const { lane, endMs } = frames.shift()!;
      nowMs = endMs;
      done[lane]! += 1;
    }
    expect(done[0]).toBeGreaterThanOrEqual(295);
    expect(done[1]).toBeGreaterThanOrEqual(95);
  });
});
