import type { Graph } from '../../graph/graph.ts';
import type { Objective } from '../../planner/choice.ts';
import { compilePlan } from '../../planner/compiled-plan.ts';
import { gainOver } from '../../planner/gain.ts';
import type { Plan } from '../../planner/plan.ts';
import type { Prediction } from '../../planner/prediction.ts';
import { worldOf, type PlainWorld } from '../../planner/plain-world.ts';
import type { PlanSearch } from '../../planner/search-task.ts';
import { simulate } from '../../planner/simulate.ts';
import type { PeerId } from '../../shared/ids.ts';

export interface PlanQuestion {
  readonly graph: Graph;
  readonly world: PlainWorld;
  readonly objective: Objective;
  /** Devices that are to have nothing to do. */
  readonly without: readonly PeerId[];
  /** What it is compared with. */
  readonly running: Plan;
  readonly searchTimeMs: number;
}

export interface PlanAnswer {
  readonly plan: Plan;
  readonly expected: Prediction;
  /** What the running plan would do by the same numbers; absent where a device of it is gone. */
  readonly running?: Prediction;
  /** How many times as good as the running plan, by the objective. */
  readonly gain?: number;
  readonly leftOut: readonly { readonly peer: PeerId; readonly explanation: string }[];
}

/**
 * The best plan for another objective or without some devices, beside the one that runs.
 * @throws PLAN_NO_PEERS, PLAN_MEMORY, PLAN_RATE
 */
export async function answerPlanQuestion(question: PlanQuestion, search: PlanSearch): Promise<PlanAnswer> {
  const { graph, objective, without, running, searchTimeMs } = question;
  const world = worldOf(question.world);
  const devices = world.devices.filter(({ id }) => !without.includes(id));
  const compiled = compilePlan(graph, running);
  const staysPossible = compiled.peers.every((peer) => devices.some(({ id }) => id === peer));
  const { session, epoch } = running;
  const incumbent = staysPossible ? { incumbent: running } : {};
  const here = { ...question.world, devices };
  const choice = await search({
    graph,
    session,
    epoch,
    world: here,
    objective,
    ...incumbent,
    searchTimeMs,
  });
  const expected = choice.prediction;
  const isWhole = compiled.peers.every((peer) => world.devices.some(({ id }) => id === peer));
  const before = isWhole ? simulate(compiled, world, { window: expected.window }) : undefined;
  return {
    plan: choice.plan,
    expected,
    ...(before ? { running: before, gain: gainOver(objective, before, expected) } : {}),
    leftOut: choice.leftOut.map(({ peer, explanation }) => ({ peer, explanation })),
  };
}
