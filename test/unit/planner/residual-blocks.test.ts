import { describe, expect, it } from 'vitest';
import { prepared, worldOf } from '../../../bench/planner/draws.ts';
import type { PlanChoice } from '../../../src/planner/choice.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import { SearchSpace } from '../../../src/planner/search-space.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

const xception = prepared('xception');

/** As many Raspberry Pi 3s, all alike. */
function quickest(count: number): PlanChoice {
  const pi = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes: 1e9 };
  const world = worldOf(new Array<typeof pi>(count).fill(pi), pi);
  const session = asSessionId('3'.repeat(32));
  return choosePlan({ graph: xception, world, session, epoch: 0, objective: { kind: 'latency' } });
}

const speedUp = ({ solo, prediction }: PlanChoice): number =>
  solo!.prediction.latencyMs / prediction.latencyMs;

describe('networks of residual blocks', () => {
  it('can be cut where a block begins, though its activation reads what the shortcut reads too', () => {
    const { nodes } = xception;
    const points = new Set(new SearchSpace(xception).cutPoints);
    const starts = [...nodes.keys()].filter((at) => nodes[at - 1]?.op.kind === 'merge');
    expect(starts.length).toBeGreaterThanOrEqual(12);
    expect(starts.filter((at) => !points.has(at))).toEqual([]);
    const finishes = nodes.findIndex(({ op }) => op.kind === 'bias');
    expect(points.has(finishes)).toBe(false);
  });

  it.each([
    [4, 2],
    [8, 3],
  ])('are split block by block among %i devices', (count, least) => {
    const choice = quickest(count);
    verifyPlan(xception, choice.plan);
    expect(speedUp(choice)).toBeGreaterThan(least);
    const middle = choice.plan.segments.filter(({ lanes }) => lanes[0]!.tiles.length === count);
    expect(middle.length).toBeGreaterThanOrEqual(8);
  });

  it('are cut in two directions where rows are few', () => {
    const { plan } = quickest(8);
    const { tiles } = plan.segments.findLast(({ lanes }) => lanes[0]!.tiles[0]!.outputs[0]!.box.length === 3)!
      .lanes[0]!;
    const ranges = (axis: number): number => new Set(tiles.map(({ outputs }) => outputs[0]!.box[axis]!.join())).size; // prettier-ignore
    expect(tiles).toHaveLength(8);
    expect([ranges(0), ranges(1)].sort()).toEqual([2, 4]);
  });

  it('have cells at the edges that are larger than those inside, which have more of a halo', () => {
    const { plan } = quickest(8);
    const long = plan.segments.filter(({ lanes }) => {
      const { tiles } = lanes[0]!;
      return tiles.length === 8 && tiles[0]!.outputs[0]!.box[0]![1] < 9;
    });
    expect(long.length).toBeGreaterThan(4);
    for (const { lanes } of long) {
      const rows = lanes[0]!.tiles.map(({ outputs }) => outputs[0]!.box[0]!);
      const lengths = [...new Map(rows.map(([from, to]) => [from, to - from])).entries()].sort(([a], [b]) => a - b); // prettier-ignore
      if (lengths.length !== 4) continue;
      expect(lengths[1]![1]).toBeLessThanOrEqual(lengths[0]![1]);
      expect(lengths[2]![1]).toBeLessThanOrEqual(lengths[3]![1]);
    }
  });
});
