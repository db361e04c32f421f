import { describe, expect, it } from 'vitest';
import { prepared, worldOf } from '../../../bench/planner/draws.ts';
import type { Box } from '../../../src/graph/box.ts';
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

  it('are cut in two directions where rows are few, into cells that are larger at the edges, where there is less halo', () => {
    const grids = quickest(8)
      .plan.segments.map(({ lanes }) => lanes[0]!.tiles.map(({ outputs }) => outputs[0]!.box))
      .map((boxes) => [lengthsAlong(boxes, 0), lengthsAlong(boxes, 1)])
      .filter(([rows, columns]) => rows!.length > 1 && columns!.length > 1);
    expect(grids.length).toBeGreaterThanOrEqual(8);
    for (const [rows, columns] of grids) {
      expect(rows!.length * columns!.length).toBe(8);
      const [first, ...others] = rows!.length === 4 ? rows! : columns!;
      const inside = others.slice(0, -1);
      expect(Math.max(...inside)).toBeLessThanOrEqual(Math.max(first!, others.at(-1)!));
    }
  });
});

/** Of the parts along an axis, in their order. */
function lengthsAlong(boxes: readonly Box[], axis: number): number[] {
  const ends = new Map(boxes.map((box) => box[axis] ?? [0, 1]));
  return [...ends].sort(([a], [b]) => a - b).map(([from, to]) => to - from);
}
