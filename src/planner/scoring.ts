import { FrameSimulation } from './frame-simulation.ts';
import type { Objective } from './choice.ts';
import type { Codec } from './codec.ts';
import { devicesOf, draftWindow, layDraft, placeDraft, type Draft, type Laid } from './draft.ts';
import type { PlacedPlan } from './placed-plan.ts';
import type { Places } from './places.ts';
import type { Prediction } from './prediction.ts';
import { loadsOf, loneLatencyMs, steadyState } from './simulate.ts';
import type { SearchSpace } from './search-space.ts';
import type { Device } from './world.ts';

/** A draft with what the simulation says of it. */
export interface Scored {
  readonly draft: Draft;
  readonly laid: Laid;
  readonly placed: PlacedPlan;
  readonly window: number;
  readonly codec: Codec;
  /** What is made small: milliseconds per frame of the objective. */
  readonly cost: number;
  /** Who computes, ascending. */
  readonly devices: readonly number[];
}

export interface ScoringContext {
  readonly space: SearchSpace;
  readonly devices: readonly Device[];
  readonly places: Places;
  readonly placeOf: readonly number[];
  readonly objective: Objective;
}

/** A plan that misses the bound or the rate that was asked for is worse than any that reaches it, and better the nearer it comes. */
export const MISSED = 1e9;

/** Scores drafts by simulation, each once. */
export class Scorer {
  readonly context: ScoringContext;
  readonly #known = new Map<string, Scored | undefined>();
  /** Per device, the best draft that it computes in. */
  readonly bestWith: (Scored | undefined)[] = [];
  simulated = 0;
  /** Whether the last draft had been scored before. */
  wasKnown = false;

  constructor(context: ScoringContext) {
    this.context = context;
  }

  /** `undefined` for drafts that cannot be laid out or do not fit into memory. `bound`: a cost above it is of no interest. */
  score(draft: Draft, codec: Codec, bound = Infinity): Scored | undefined {
    const key = draftKey(draft, codec);
    this.wasKnown = this.#known.has(key);
    if (this.wasKnown) return this.#known.get(key);
    const scored = this.#score(draft, codec, bound);
    if (scored === 'beyond') return undefined;
    this.#known.set(key, scored);
    for (const device of scored?.devices ?? []) {
      if (better(scored, this.bestWith[device])) this.bestWith[device] = scored!;
    }
    return scored;
  }

  #score(draft: Draft, codec: Codec, bound: number): Scored | undefined | 'beyond' {
    const { space, devices, places, placeOf, objective } = this.context;
    const laid = layDraft(space, draft);
    if (!laid) return undefined;
    const window = draftWindow(draft, laid, devices, objective.kind === 'latency' ? 'latency' : 'rate');
    if (window === 0) return undefined;
    const placed = placeDraft(space, draft, laid, { places, placeOf, codec });
    const simulation = new FrameSimulation(placed, places);
    const known = { draft, laid, placed, codec, devices: devicesOf(draft) };
    if (objective.kind === 'latency') {
      this.simulated += 1;
      return { ...known, window, cost: loneLatencyMs(placed, simulation) };
    }
    const loads = loadsOf(placed, places, simulation);
    let leastMs = 0;
    for (const [index, { computeMs, transportMs, bytesIn, bytesOut }] of loads.entries()) {
      const { uplinkBytesPerMs, downlinkBytesPerMs } = places.places[index]!.transport;
      leastMs = Math.max(
        leastMs,
        computeMs,
        transportMs,
        bytesOut / uplinkBytesPerMs,
        bytesIn / downlinkBytesPerMs,
      );
    }
    // The busiest resource alone takes longer.
    if (leastMs > bound) return 'beyond';
    this.simulated += 1;
    const boundMs = objective.kind === 'throughput' ? (objective.latencyBoundMs ?? Infinity) : Infinity;
    let best: Scored | undefined;
    for (let frames = window; frames >= 1; frames -= 1) {
      const { framesPerSecond, loadedLatencyMs } = steadyState(placed, simulation, loads, frames);
      const late = loadedLatencyMs > boundMs;
      const scored = {
        ...known,
        window: frames,
        cost: late
          ? MISSED * (loadedLatencyMs / boundMs)
          : rateCost(
              1000 / framesPerSecond,
              known.devices,
              (device) => loads[placeOf[device]!]!.computeMs,
              this.context,
            ),
      };
      if (!best || scored.cost < best.cost) best = scored;
      if (!late) break;
    }
    return best;
  }
}

/** What a plan with this rate costs by the objective, on these devices. */
function rateCost(
  intervalMs: number,
  used: readonly number[],
  computeMs: (device: number) => number,
  { objective, devices }: ScoringContext,
): number {
  if (objective.kind !== 'rate') return intervalMs;
  const wantedMs = 1000 / objective.framesPerSecond;
  if (intervalMs > wantedMs * (1 + 1e-9)) return MISSED * (intervalMs / wantedMs);
  if (objective.prefer === 'devices') return used.length + intervalMs / wantedMs / 1000;
  // Frames come as they are asked for; devices without a part in the plan may be off.
  let millijoules = 0;
  for (const device of used) {
    const { idle, busy } = devices[device]!.watts ?? { idle: 0, busy: 1 };
    millijoules += idle * wantedMs + (busy - idle) * computeMs(device);
  }
  return millijoules;
}

/** The same of a prediction. */
export function costOf(prediction: Prediction, context: ScoringContext): number {
  const { objective, devices } = context;
  const { latencyMs, framesPerSecond, loadedLatencyMs } = prediction;
  if (objective.kind === 'latency') return latencyMs;
  const boundMs = objective.kind === 'throughput' ? (objective.latencyBoundMs ?? Infinity) : Infinity;
  if (loadedLatencyMs > boundMs) {
    return MISSED * (loadedLatencyMs / boundMs);
  }
  const loads = new Map(prediction.devices.map(({ peer, computeMs }) => [peer, computeMs]));
  const used = [...devices.keys()].filter((device) => (loads.get(devices[device]!.id) ?? 0) > 0);
  return rateCost(1000 / framesPerSecond, used, (device) => loads.get(devices[device]!.id)!, context);
}

/** Whether `a` is to be preferred: cheaper; where that makes no difference, fewer devices. */
export function better(a: Scored | undefined, b: Scored | undefined): boolean {
  if (!a || !b) return a !== undefined;
  const difference = a.cost - b.cost;
  if (Math.abs(difference) > 1e-9 * b.cost) return difference < 0;
  return a.devices.length < b.devices.length;
}

function draftKey(draft: Draft, codec: Codec): string {
  let key: string = codec;
  for (const { start, end, lanes } of draft) {
    key += `|${start}-${end}`;
    for (const { share, layout, devices } of lanes) {
      key += `/${share}@${devices.join()}`;
      for (const { axis, shares } of layout.cuts) key += `${axis}${shares.join()}`;
      if (layout.sum) key += `+${layout.sum.axis}${layout.sum.shares.join()}`;
    }
  }
  return key;
}
