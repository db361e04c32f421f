import type { Graph } from '../../src/graph/graph.ts';
import { compilePlan } from '../../src/planner/compiled-plan.ts';
import { windowWithin } from '../../src/planner/plan-window.ts';
import type { Plan } from '../../src/planner/plan.ts';
import type { PredictedPlan } from '../../src/planner/prediction.ts';
import { simulate } from '../../src/planner/simulate.ts';
import { verifyPlan } from '../../src/planner/verify-plan.ts';
import type { World } from '../../src/planner/world.ts';

/**
 * What anybody's plan is expected to do in this world, by the same simulation that chooses ours.
 * @throws PLAN_INVALID, PLAN_MEMORY (naming who lacks how much)
 */
export function judged(
  graph: Graph,
  world: World,
  objective: 'latency' | 'throughput',
  plan: Plan,
): PredictedPlan {
  const memoryBytes = new Map(world.devices.map((device) => [device.id, device.memoryBytes]));
  const storage = new Map(world.devices.map(({ id, weightStorage }) => [id, weightStorage]));
  const weightStorageOf = storage.get.bind(storage);
  verifyPlan(graph, plan, { memoryBytes, weightStorageOf });
  const compiled = compilePlan(graph, plan);
  const wanted = objective === 'latency' ? 'latency' : 'rate';
  const window = windowWithin(compiled, memoryBytes, wanted, weightStorageOf);
  return { plan, prediction: simulate(compiled, world, { window }) };
}
