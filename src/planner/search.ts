import { PeerceptronError } from '../shared/errors.ts';
import type { PlanChoice, PlanRequest } from './choice.ts';
import { isLossy } from './codec.ts';
import { compilePlan } from './compiled-plan.ts';
import { planOfDraft } from './draft.ts';
import { findDrafts } from './find-drafts.ts';
import { gainOver } from './gain.ts';
import { explainLeftOut } from './left-out.ts';
import { memoryPerPeer } from './memory.ts';
import { memoryRefusal } from './memory-repair.ts';
import { placesOf } from './places.ts';
import { wideWindow, widerWindows, windowWithin } from './plan-window.ts';
import type { Plan } from './plan.ts';
import type { PredictedPlan, Prediction } from './prediction.ts';
import { costOf, Scorer, type Scored } from './scoring.ts';
import { SearchSpace } from './search-space.ts';
import { predict, simulate } from './simulate.ts';
import { planProblems } from './verify-plan.ts';
import type { Device } from './world.ts';

/** About what predictions from join profiles are wrong by, at most but for a few: see `npm run bench -- prediction`. */
const DEFAULT_MARGIN = 0.2;
/** The same where all devices in question have been seen to compute: then it is links and waits that are guessed at. */
const OBSERVED_MARGIN = 0.1;

/**
 * The best plan that is found for the objective. Pure: the same request gives the same plan, whatever the order of the
 * devices. Every plan holds (`verifyPlan`, memory included) and has been simulated.
 *
 * @throws PLAN_NO_PEERS (no device may compute), PLAN_MEMORY (they cannot hold the model together)
 */
export function choosePlan(request: PlanRequest): PlanChoice {
  const { graph, world, objective, codecs = ['f32'], session, epoch } = request;
  const lossy = codecs.some(isLossy);
  const all = world.devices.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const devices = all.filter(({ accuracy }) => accuracy !== 'f16' || lossy);
  if (devices.length === 0) throw nobody(all.length);
  const space = spaceOf(graph);
  const places = placesOf(
    world,
    devices.map(({ id }) => id),
  );
  const placeOf = devices.map(({ id }) => places.indexOf.get(id)!);
  const scorer = new Scorer({ space, devices, places, placeOf, objective });
  const { solo, mesh, speeds } = findDrafts({ scorer, codecs, isTimeUp: request.isTimeUp ?? (() => false) });
  const isObserved = [solo, mesh].every((plan) => plan?.devices.every((index) => devices[index]!.observed));
  const { margin = isObserved ? OBSERVED_MARGIN : DEFAULT_MARGIN } = request;
  const single =
    solo && mesh && mesh.devices.length > 1 && mesh.cost > solo.cost * (1 - margin) ? solo : undefined;
  const best = single ?? mesh ?? solo;
  if (!best) throw memoryRefusal(space, devices);

  const toPlan = (scored: Scored): PredictedPlan => {
    const plan = planOfDraft(space, scored.draft, scored.laid, {
      devices,
      codec: scored.codec,
      session,
      epoch,
    });
    return { plan, prediction: predict(scored.placed, places, { window: scored.window }) };
  };
  const soloPlan = solo && toPlan(solo);
  const running = incumbentOf(request, scorer);
  const keeps = running !== undefined && running.cost < best.cost * (1 - 1e-9);
  const chosen = keeps ? running : toPlan(best);
  return {
    plan: chosen.plan,
    prediction: onlyUsed(chosen),
    objective,
    ...(soloPlan ? { solo: { ...soloPlan, prediction: onlyUsed(soloPlan) } } : {}),
    ...(soloPlan ? { gain: gainOver(objective, soloPlan.prediction, chosen.prediction) } : {}),
    leftOut: explainLeftOut({
      all,
      devices,
      best: keeps ? { ...best, devices: usedBy(chosen.plan, devices) } : best,
      scorer,
      speeds,
      margin: single && mesh ? { mesh, part: margin } : undefined,
    }),
    candidates: scorer.simulated + (running ? 1 : 0),
  };
}

const usedBy = (plan: Plan, devices: readonly Device[]): number[] => {
  const used = new Set(
    plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))),
  );
  return [...devices.keys()].filter((device) => used.has(devices[device]!.id));
};

/** The requester, and the devices of the plan in its order. */
function onlyUsed({ plan, prediction }: PredictedPlan): Prediction {
  const loads = new Map(prediction.devices.map((load) => [load.peer, load]));
  const [requester] = prediction.devices;
  const peers = plan.segments.flatMap(({ lanes }) =>
    lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)),
  );
  const order = new Set([requester!.peer, ...peers]);
  return { ...prediction, devices: [...order].map((peer) => loads.get(peer)!) };
}

/** The plan that runs already, if it still holds. */
function incumbentOf(
  request: PlanRequest,
  scorer: Scorer,
): (PredictedPlan & { readonly cost: number }) | undefined {
  const { graph, world, incumbent } = request;
  if (!incumbent) return undefined;
  const { devices, objective } = scorer.context;
  const offers = new Map(devices.map(({ id, memoryBytes }) => [id, memoryBytes]));
  const storage = new Map(devices.map(({ id, weightStorage }) => [id, weightStorage]));
  if (planProblems(graph, incumbent).length > 0) return undefined;
  const compiled = compilePlan(graph, incumbent);
  if (compiled.peers.some((peer) => !offers.has(peer))) return undefined;
  const wanted = objective.kind === 'latency' ? 'latency' : 'rate';
  const window = windowWithin(compiled, offers, wanted, (peer) => storage.get(peer));
  const fits = (frames: number): boolean =>
    [...memoryPerPeer(compiled, frames, (peer) => storage.get(peer))].every(
      ([peer, { totalBytes }]) => totalBytes <= offers.get(peer)!,
    );
  if (!fits(window)) return undefined;
  const judged = (frames: number): PredictedPlan & { readonly cost: number } => {
    const prediction = simulate(compiled, world, { window: frames });
    return { plan: incumbent, prediction, cost: costOf(prediction, scorer.context) };
  };
  let best = judged(window);
  if (objective.kind !== 'throughput') return best;
  // It may run with more frames in flight, as every other plan.
  const lanes = incumbent.segments.map((segment) =>
    segment.lanes.map(({ tiles }) => tiles.map(({ peer }) => peer)),
  );
  for (const frames of widerWindows(window, wideWindow(lanes, window)).filter(fits)) {
    const wider = judged(frames);
    if (wider.cost < best.cost) best = wider;
  }
  return best;
}

function nobody(offered: number): PeerceptronError {
  return new PeerceptronError(
    'PLAN_NO_PEERS',
    offered === 0
      ? 'no peer in the room offers compute: let a device join, then try again'
      : 'every device of the room computes in half precision, and the plan has to be exact: allow a lossy codec, or let another device join',
  );
}

const spaces = new WeakMap<object, SearchSpace>();

function spaceOf(graph: PlanRequest['graph']): SearchSpace {
  let space = spaces.get(graph);
  if (!space) spaces.set(graph, (space = new SearchSpace(graph)));
  return space;
}
