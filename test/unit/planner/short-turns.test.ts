import { describe, expect, it } from 'vitest';
import { prepared, worldOf } from '../../../bench/planner/draws.ts';
import type { PlanChoice } from '../../../src/planner/choice.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

const pi = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes: 0.888e9 };
const graph = prepared('vgg16');
const world = worldOf(new Array<typeof pi>(11).fill(pi), pi);

const choose = (latencyBoundMs?: number): PlanChoice =>
  choosePlan({
    graph,
    session: asSessionId('c'.repeat(32)),
    epoch: 0,
    world,
    objective: { kind: 'throughput', ...(latencyBoundMs === undefined ? {} : { latencyBoundMs }) },
  });

describe('lanes of devices that have a part in what every frame needs', () => {
  it.each([undefined, 11_000])(
    'are cut into turns, each much shorter than a frame (bound %s ms)',
    (bound) => {
      const { plan, prediction } = choose(bound);
      verifyPlan(graph, plan, {
        memoryBytes: new Map(world.devices.map(({ id, memoryBytes }) => [id, memoryBytes])),
        window: prediction.window,
      });
      const dealt = plan.segments.filter(({ lanes }) => lanes.length > 1);
      const shared = plan.segments.filter(({ lanes }) => lanes.length === 1 && lanes[0]!.tiles.length > 1);
      // VGG16's dense layers do not fit into one device beside the rest.
      expect(shared.length).toBeGreaterThan(0);
      expect(dealt.length).toBeGreaterThanOrEqual(4);
      // In the same lanes all the way: nothing travels between turns.
      const lanesOf = ({ lanes }: (typeof dealt)[number]): string[] =>
        lanes.map(({ tiles }) => tiles.map(({ peer }) => peer).join());
      for (const segment of dealt) expect(lanesOf(segment)).toEqual(lanesOf(dealt[0]!));
      expect(prediction.framesPerSecond).toBeGreaterThan(1.5);
      if (bound) expect(prediction.loadedLatencyMs).toBeLessThanOrEqual(bound);
    },
  );
});
