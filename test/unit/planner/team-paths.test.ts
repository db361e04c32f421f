import { describe, expect, it } from 'vitest';
import { prepared, worldOf } from '../../../bench/planner/draws.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { NetworkName } from '../../../src/models/presets.ts';
import type { PlanChoice } from '../../../src/planner/choice.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import type { World } from '../../../src/planner/world.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

/** Devices on which VGG16 takes more than ten seconds, with engines that hold weights once. */
function farm(count: number, megabytes: number, factors: readonly number[] = [1]): World {
  const device = { mbits: 90, roundTripMs: 4, memoryBytes: megabytes * 1e6 };
  const draws = Array.from({ length: count }, (_, index) => ({
    ...device,
    speed: 0.55 * factors[index % factors.length]!,
  }));
  const world = worldOf(draws, { ...device, speed: 8 });
  return { ...world, devices: world.devices.map((each) => ({ ...each, weightStorage: 'once' as const })) };
}

function chosen(graph: Graph, world: World): PlanChoice {
  const session = asSessionId('6'.repeat(32));
  const choice = choosePlan({ graph, world, session, epoch: 0, objective: { kind: 'throughput' } });
  verifyPlan(graph, choice.plan, {
    memoryBytes: new Map(world.devices.map(({ id, memoryBytes }) => [id, memoryBytes])),
    weightStorageOf: () => 'once',
    window: choice.prediction.window,
  });
  return choice;
}

const rateOf = (graph: Graph, world: World): number => chosen(graph, world).prediction.framesPerSecond;

describe('rates where memory is short', () => {
  const roomy = 4000;

  it.each([
    ['vgg16', 8, 134, 7],
    ['alexnet', 8, 134, 7.1],
    ['c3d', 8, 134, 7.2],
    ['xception', 8, 134, 5.4],
    ['vgg16', 4, 328, 3.8],
    ['alexnet', 4, 328, 3.8],
    ['c3d', 4, 328, 3.8],
    ['xception', 4, 328, 3.8],
  ] as const)('%s on %i devices of %i MB is at least %f times as fast as on a roomy one', (network, count, megabytes, least) => {
    const graph = prepared(network satisfies NetworkName);
    expect(rateOf(graph, farm(count, megabytes)) / rateOf(graph, farm(1, roomy))).toBeGreaterThan(least);
  }); // prettier-ignore

  it('gives faster devices more to do where all of their memory is needed', () => {
    const graph = prepared('vgg16');
    const factors = [1, 1.5];
    const alone = factors.map((factor) => rateOf(graph, farm(1, roomy, [factor])));
    const together = 4 * alone[0]! + 4 * alone[1]!;
    expect(rateOf(graph, farm(8, 134, factors)) / together).toBeGreaterThan(0.6);
  });

  it('has more frames in flight than the least where their parts wait for each other', () => {
    const { prediction, plan } = chosen(prepared('vgg16'), farm(8, 134));
    expect(plan.segments.every(({ lanes }) => lanes.length === 1)).toBe(true);
    expect(prediction.window).toBeGreaterThan(2);
  });
});
