import { fullBox } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { tensorShapes } from '../../src/graph/shapes.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import type { Objective, PlanChoice } from '../../src/planner/choice.ts';
import type { Codec } from '../../src/planner/codec.ts';
import { compilePlan } from '../../src/planner/compiled-plan.ts';
import { programWork, workMs } from '../../src/planner/cost-model.ts';
import { gainOver } from '../../src/planner/gain.ts';
import { parsePlanFile } from '../../src/planner/plan-file.ts';
import { windowWithin } from '../../src/planner/plan-window.ts';
import { choosePlan } from '../../src/planner/search.ts';
import { simulate } from '../../src/planner/simulate.ts';
import { verifyPlan } from '../../src/planner/verify-plan.ts';
import type { Device, World } from '../../src/planner/world.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { weightStorageIn } from './plan-preview.ts';
import { formatRate } from './plan-report.ts';

export interface PlanningOptions {
  readonly graph: Graph;
  readonly world: World;
  readonly objective: Objective;
  readonly codecs: readonly Codec[];
  /** The search gives the best plan so far after this time. */
  readonly budgetMs: number;
  readonly now: () => number;
  readonly incumbent?: PlanChoice['plan'];
}

/** Plans that are only looked at belong to no session. */
export const NO_SESSION = asSessionId('0'.repeat(32));

export interface Chosen {
  readonly choice: PlanChoice;
  /** The search was ended by the time budget. */
  readonly isCut: boolean;
}

/**
 * The planner's choice within a time budget.
 *
 * @throws PLAN_RATE where even the plan of the highest rate falls short of the one asked for, and what `choosePlan` throws
 */
export function planWithin(options: PlanningOptions): Chosen {
  const { world, objective } = options;
  const shortlist = shortlistOf(options);
  const chosen = search({ ...options, world: shortlist.world });
  const reached = objective.kind === 'rate' ? atRate(chosen, objective, options, shortlist.world) : chosen;
  const leftOut = [...reached.choice.leftOut, ...shortlist.leftOut];
  // The order of the world is what people see.
  const order = new Map(world.devices.map(({ id }, index) => [id, index]));
  leftOut.sort((a, b) => order.get(a.peer)! - order.get(b.peer)!);
  return { ...reached, choice: { ...reached.choice, leftOut } };
}

function search({ graph, world, objective, codecs, budgetMs, now, incumbent }: PlanningOptions): Chosen {
  const deadlineMs = now() + budgetMs;
  let isCut = false;
  const choice = choosePlan({
    graph,
    session: NO_SESSION,
    epoch: 0,
    world,
    objective,
    codecs,
    ...(incumbent ? { incumbent } : {}),
    isTimeUp: () => (isCut ||= now() >= deadlineMs),
  });
  return { choice, isCut };
}

/** A simulated rate that falls short by less is reached. */
const RATE_TOLERANCE = 1e-3;

/** The choice, if it has the rate that was asked for; otherwise the plan of the highest rate, if that one has. */
function atRate(
  chosen: Chosen,
  asked: Objective & { readonly kind: 'rate' },
  options: PlanningOptions,
  world: World,
): Chosen {
  const reaches = ({ choice }: Chosen): boolean =>
    choice.prediction.framesPerSecond >= asked.framesPerSecond * (1 - RATE_TOLERANCE);
  if (reaches(chosen)) return chosen;
  const fastest = search({ ...options, world, objective: { kind: 'throughput' } });
  if (reaches(fastest)) return { ...fastest, choice: { ...fastest.choice, objective: asked } };
  const possible = Math.max(
    chosen.choice.prediction.framesPerSecond,
    fastest.choice.prediction.framesPerSecond,
  );
  throw new PeerceptronError(
    'PLAN_RATE',
    `no plan reaches ${formatRate(asked.framesPerSecond)} frames per second: the best one is expected to do ${formatRate(possible)}. Ask for less, let more or faster devices join, or allow rounding with --codec f16`,
    { details: { asked: asked.framesPerSecond, possible } },
  );
}

/** Of more devices than that, only the fastest are searched for plans: the others would hardly be used. */
const MOST_SEARCHED = 128;

/** The devices that are worth a search, and why the others are not. */
function shortlistOf({ graph, world, incumbent }: PlanningOptions): {
  readonly world: World;
  readonly leftOut: PlanChoice['leftOut'];
} {
  if (world.devices.length <= MOST_SEARCHED) return { world, leftOut: [] };
  const { nodes, outputs } = graph;
  const shapes = tensorShapes(graph);
  const whole = outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
  const work = programWork(compileTile(graph, { ops: [0, nodes.length], outputs: whole }));
  const running = new Set(incumbent ? compilePlan(graph, incumbent).peers : []);
  const value = ({ id, profile }: Device): number => {
    const { uplinkBytesPerMs, downlinkBytesPerMs } = profile.transport;
    if (running.has(id)) return Infinity;
    return Math.sqrt(Math.min(uplinkBytesPerMs, downlinkBytesPerMs)) / workMs(work, profile);
  };
  const values = new Map(world.devices.map((device) => [device.id, value(device)]));
  const best = world.devices
    .toSorted((a, b) => values.get(b.id)! - values.get(a.id)!)
    .slice(0, MOST_SEARCHED);
  const kept = new Set(best.map(({ id }) => id));
  const explanation = `not looked at: of ${world.devices.length} devices the ${MOST_SEARCHED} fastest and best connected were`;
  return {
    world: { ...world, devices: world.devices.filter(({ id }) => kept.has(id)) },
    leftOut: world.devices
      .filter(({ id }) => !kept.has(id))
      .map(({ id }) => ({ peer: id, reason: 'not-needed' as const, explanation })),
  };
}

/** A plan of a file in this world, judged by the same simulation, beside the best single device of `reference`. */
export function judgePlanFile(raw: unknown, options: PlanningOptions, reference: PlanChoice): PlanChoice {
  const { graph, world, objective } = options;
  const peers = world.devices.map(({ id }) => id);
  const plan = parsePlanFile(raw, { graph, session: NO_SESSION, epoch: 0, peers });
  verifyPlan(graph, plan);
  const compiled = compilePlan(graph, plan);
  const offers = new Map(world.devices.map(({ id, memoryBytes }) => [id, memoryBytes]));
  const weightStorageOf = weightStorageIn(world);
  const aim = objective.kind === 'latency' ? 'latency' : 'rate';
  const window = windowWithin(compiled, offers, aim, weightStorageOf);
  verifyPlan(graph, plan, { memoryBytes: offers, window, weightStorageOf });
  const prediction = simulate(compiled, world, { window });
  const { solo } = reference;
  return {
    plan,
    prediction,
    objective,
    ...(solo ? { solo, gain: gainOver(objective, solo.prediction, prediction) } : {}),
    leftOut: [],
    candidates: 1,
  };
}
