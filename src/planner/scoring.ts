import { FrameSimulation } from './frame-simulation.ts';
import type { Objective } from './choice.ts';
import type { Codec } from './codec.ts';
import { devicesOf, draftWindow, windowThatFits, type Draft, type Laid } from './draft.ts';
import { DraftPlacer } from './draft-placer.ts';
import { wideWindow, widerWindows } from './plan-window.ts';
import type { PlacedPlan } from './placed-plan.ts';
import type { Places } from './places.ts';
import type { Prediction } from './prediction.ts';
import { engineLoads, loadsOf, loneLatencyMs, MANY_FRAMES, steadyState } from './simulate.ts';
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

/** Of what its busiest engine, thread or link takes: who is nearer to that would gain nothing by more frames in flight. */
const WORTH_MORE_FRAMES = 1.03;
/** Where more frames in flight do not bring as much, they only wait. */
const LEAST_GAIN = 0.99;

/** A plan that misses the bound or the rate that was asked for is worse than any that reaches it, and better the nearer it comes. */
export const MISSED = 1e9;

/** Scores drafts by simulation, each once. */
export class Scorer {
  readonly context: ScoringContext;
  readonly #placers = new Map<Codec, DraftPlacer>();
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
    const placer = this.#placer(codec);
    const name = placer.nameOf(draft);
    if (name === undefined) return undefined;
    const key = codec + name;
    this.wasKnown = this.#known.has(key);
    if (this.wasKnown) return this.#known.get(key);
    const scored = this.#score(draft, codec, placer, bound);
    if (scored === 'beyond') return undefined;
    this.#known.set(key, scored);
    for (const device of scored?.devices ?? []) {
      if (better(scored, this.bestWith[device])) this.bestWith[device] = scored!;
    }
    return scored;
  }

  /** Whether the busiest engine alone leaves room for a cost up to `bound`. */
  mayReach(draft: Draft, codec: Codec, bound: number): boolean {
    const placer = this.#placer(codec);
    return placer.nameOf(draft) !== undefined && !this.#isBeyond(placer.place(draft).placed, bound);
  }

  /** Most rates end here: the busiest engine alone takes longer. */
  #isBeyond(placed: PlacedPlan, bound: number): boolean {
    const { objective, places } = this.context;
    if (objective.kind === 'latency' || bound === Infinity) return false;
    return Math.max(...engineLoads(placed, places)) > intervalBound(bound, objective);
  }

  #placer(codec: Codec): DraftPlacer {
    let placer = this.#placers.get(codec);
    if (!placer) this.#placers.set(codec, (placer = new DraftPlacer({ ...this.context, codec })));
    return placer;
  }

  #score(draft: Draft, codec: Codec, placer: DraftPlacer, bound: number): Scored | undefined | 'beyond' {
    const { devices, places, placeOf, objective } = this.context;
    const { laid, placed } = placer.place(draft);
    if (this.#isBeyond(placed, bound)) return 'beyond';
    const window = draftWindow(draft, laid, devices, objective.kind === 'latency' ? 'latency' : 'rate');
    if (window === 0) return undefined;
    const simulation = new FrameSimulation(placed, places, placer.routes);
    const known = { draft, laid, placed, codec, devices: devicesOf(draft) };
    if (objective.kind === 'latency') {
      this.simulated += 1;
      return { ...known, window, cost: loneLatencyMs(placed, simulation) };
    }
    const loads = loadsOf(placed, places, simulation);
    let leastMs = 0;
    for (const [index, { transportMs, bytesIn, bytesOut }] of loads.entries()) {
      const { uplinkBytesPerMs, downlinkBytesPerMs } = places.places[index]!.transport;
      leastMs = Math.max(leastMs, transportMs, bytesOut / uplinkBytesPerMs, bytesIn / downlinkBytesPerMs);
    }
    // The busiest thread or radio alone takes longer.
    if (leastMs > intervalBound(bound, objective)) return 'beyond';
    this.simulated += 1;
    const latestMs = objective.kind === 'throughput' ? (objective.latencyBoundMs ?? Infinity) : Infinity;
    let best: Scored | undefined;
    for (let frames = window; frames >= 1; frames -= 1) {
      const { framesPerSecond, loadedLatencyMs } = steadyState(placed, simulation, loads, {
        window: frames,
        boundMs: intervalBound(bound, objective),
      });
      const late = loadedLatencyMs > latestMs;
      const scored = {
        ...known,
        window: frames,
        cost: late
          ? MISSED * (loadedLatencyMs / latestMs)
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
    if (objective.kind !== 'throughput' || latestMs !== Infinity) return best;
    const leastComputeMs = Math.max(...engineLoads(placed, places));
    for (const frames of this.#wider(draft, laid, window)) {
      if (!best || best.cost <= WORTH_MORE_FRAMES * Math.max(leastMs, leastComputeMs)) break;
      const { framesPerSecond } = steadyState(placed, simulation, loads, {
        window: frames,
        boundMs: best.cost,
      });
      const cost = 1000 / framesPerSecond;
      if (cost > LEAST_GAIN * best.cost) break;
      best = { ...best, window: frames, cost };
    }
    return best;
  }

  /** Windows that may be worth their memory where there is that much. */
  #wider(draft: Draft, laid: Laid, window: number): number[] {
    const lanes = draft.map((segment) => segment.lanes.map(({ devices }) => devices));
    return widerWindows(window, windowThatFits(laid, this.context.devices, wideWindow(lanes, window)));
  }

  /**
   * With the fewest frames in flight for which the rate is about the best, as many frames say, of which drafts that are compared with each
   * other are judged by a few. Where there is no choice, as it is.
   */
  settled(scored: Scored): Scored {
    const { devices, places, objective } = this.context;
    if (objective.kind !== 'throughput' || objective.latencyBoundMs !== undefined) return scored;
    const { draft, laid, placed, codec } = scored;
    const window = draftWindow(draft, laid, devices, 'rate');
    const wider = this.#wider(draft, laid, window);
    if (wider.length === 0) return scored;
    const simulation = new FrameSimulation(placed, places, this.#placer(codec).routes);
    const loads = loadsOf(placed, places, simulation);
    const judged = [window, ...wider].map((frames): Scored => {
      const { framesPerSecond } = steadyState(placed, simulation, loads, {
        window: frames,
        frames: MANY_FRAMES,
      });
      return { ...scored, window: frames, cost: 1000 / framesPerSecond };
    });
    const least = Math.min(...judged.map(({ cost }) => cost));
    return judged.find(({ cost }) => cost <= least / LEAST_GAIN)!;
  }
}

/** Between frames, where a plan must not cost more than `bound`. */
function intervalBound(bound: number, objective: Objective): number {
  if (objective.kind !== 'rate') return bound;
  return (1000 / objective.framesPerSecond) * Math.max(1 + 1e-9, bound / MISSED);
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
