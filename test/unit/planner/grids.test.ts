import { describe, expect, it } from 'vitest';
import { prepared, worldOf } from '../../../bench/planner/draws.ts';
import { boxSize, type Box } from '../../../src/graph/box.ts';
import type { Objective, PlanChoice } from '../../../src/planner/choice.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import { simulate } from '../../../src/planner/simulate.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

const c3d = prepared('c3d');

/** Eight that are alike, on links of 90 Mbit/s. */
const worldWith = (memoryBytes: number) => {
  const pi = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes };
  return worldOf(new Array<typeof pi>(8).fill(pi), pi);
};

const planned = (memoryBytes: number, kind: 'latency' | 'throughput'): PlanChoice => {
  const objective: Objective = { kind };
  const world = worldWith(memoryBytes);
  return choosePlan({ graph: c3d, world, session: asSessionId('4'.repeat(32)), epoch: 0, objective });
};

/** Of the segments with convolutions in them, the boxes of their tiles. */
function convolutions({ plan }: PlanChoice): Box[][] {
  return plan.segments
    .filter(({ ops }) => c3d.nodes.slice(...ops).some(({ op }) => op.kind === 'conv'))
    .map(({ lanes }) => lanes[0]!.tiles.map(({ outputs }) => outputs[0]!.box));
}

/** In how many directions boxes differ from each other. */
const directions = (boxes: readonly Box[]): number =>
  boxes[0]!.filter((_, axis) => new Set(boxes.map((box) => String(box[axis]))).size > 1).length;

describe('a network for pictures one after the other', () => {
  it('is cut in two directions where as many bands would not be alike', () => {
    const choice = planned(1e9, 'latency');
    verifyPlan(c3d, choice.plan);
    const grids = convolutions(choice).filter((boxes) => directions(boxes) === 2);
    expect(grids.length).toBeGreaterThanOrEqual(3);
    for (const boxes of grids.slice(0, 2)) {
      const sizes = boxes.map(boxSize);
      expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(1.2);
    }
    expect(choice.solo!.prediction.latencyMs / choice.prediction.latencyMs).toBeGreaterThan(6);
  });

  it('is cut so for the rate as well, where none of its devices has room for all of it', () => {
    const choice = planned(320e6, 'throughput');
    verifyPlan(c3d, choice.plan);
    expect(convolutions(choice).filter((boxes) => directions(boxes) === 2).length).toBeGreaterThanOrEqual(2);
    // What few frames say of a plan whose parts wait for each other may be luck.
    const { window, framesPerSecond } = choice.prediction;
    const many = simulate(compilePlan(c3d, choice.plan), worldWith(320e6), { window, frames: 600 });
    expect(framesPerSecond / many.framesPerSecond).toBeLessThan(1.02);
  });
});
