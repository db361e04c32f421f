import { REQUESTER, type CompiledPlan } from './compiled-plan.ts';
import { FrameSimulation, type FrameTimes } from './frame-simulation.ts';
import { dealInStep, LaneDealer } from './lane-dealer.ts';
import { placesOf, type Places } from './places.ts';
import { placePlan, type Passage, type Passages, type PlacedPlan } from './placed-plan.ts';
import type { Bottleneck, DeviceLoad, Prediction, SimulatedTile } from './prediction.ts';
import type { World } from './world.ts';

export interface SimulateOptions {
  /** Frames in flight. */
  readonly window: number;
  /** How many frames the steady state is taken from; by default as many as it takes for them to tell. */
  readonly frames?: number;
}

/** Busy enough to be what holds a plan up. */
const BOUND_SHARE = 0.8;
/** Of the frames that are simulated, those at the start fill the pipeline and count for nothing. */
const FILL_SHARE = 0.4;
/** Frames that are sent alone, where lanes make them differ. */
const LONE_FRAMES = 8;
/** Of more lanes, the shares even out. */
const MANY_LANES = 32;
/** Frames after which those of several lanes that come together on a device have waited for each other in most of the ways that they can. */
export const MANY_FRAMES = 240;
/** To see how often frames go from one lane to another. */
const DEALT_FRAMES = 240;

/**
 * What a plan does in this world: a frame that is alone, and the steady state with `window` frames in flight. Simulates
 * what the runtime does, event by event; the plan must hold (`verifyPlan`), and its peers be devices of the world.
 */
export function simulate(compiled: CompiledPlan, world: World, options: SimulateOptions): Prediction {
  const places = placesOf(world, compiled.peers);
  return predict(placePlan(compiled, places), places, options);
}

/** The same, of a plan whose costs are known. */
export function predict(plan: PlacedPlan, places: Places, options: SimulateOptions): Prediction {
  const { window } = options;
  const simulation = new FrameSimulation(plan, places);
  const timeline: SimulatedTile[] = [];
  const onTile = (segment: number, lane: number, tile: number, startMs: number, endMs: number): void => {
    const { place, outputs } = plan.segments[segment]!.lanes[lane]!.tiles[tile]!;
    const peer = places.places[place]!.id;
    const boxes = outputs.map(({ tensor, box }) => ({ tensor, box }));
    timeline.push({ segment, lane, tile, peer, outputs: boxes, startMs, endMs });
  };
  const latencyMs = loneLatencyMs(plan, simulation, onTile);
  const loads = loadsOf(plan, places, simulation);
  const { framesPerSecond, loadedLatencyMs } = steadyState(plan, simulation, loads, options);
  const perMs = framesPerSecond / 1000;
  const devices = loads.map((load, index): DeviceLoad => {
    const { id, transport } = places.places[index]!;
    const { computeMs, transportMs, bytesIn, bytesOut } = load;
    const busy = {
      compute: perMs * computeMs,
      transport: perMs * transportMs,
      uplink: (perMs * bytesOut) / transport.uplinkBytesPerMs,
      downlink: (perMs * bytesIn) / transport.downlinkBytesPerMs,
    };
    return { peer: id, computeMs, transportMs, bytesIn, bytesOut, busy };
  });
  const bottleneck = bottleneckOf(devices);
  return { latencyMs, framesPerSecond, loadedLatencyMs, window, devices, bottleneck, timeline };
}

/** Mean over the lanes that frames are dealt, each frame alone. */
export function loneLatencyMs(
  plan: PlacedPlan,
  simulation: FrameSimulation,
  onTile?: (segment: number, lane: number, tile: number, startMs: number, endMs: number) => void,
): number {
  const frames = plan.segments.some(({ lanes }) => lanes.length > 1) ? LONE_FRAMES : 1;
  const { latenciesMs } = simulation.run({ window: 1, frames, ...(onTile ? { onTile } : {}) });
  return latenciesMs.reduce((sum, ms) => sum + ms, 0) / frames;
}

/** Per frame, on average over the lanes' shares. */
export interface PlaceLoad {
  computeMs: number;
  transportMs: number;
  bytesIn: number;
  bytesOut: number;
}

/** Milliseconds of each engine per frame, on average over the lanes' shares. */
export function engineLoads(plan: PlacedPlan, { places }: Places): Float64Array {
  const loads = new Float64Array(places.length);
  for (const { lanes } of plan.segments) {
    const total = lanes.reduce((sum, { share }) => sum + share, 0);
    for (const { share, tiles } of lanes) {
      for (const { place, computeMs } of tiles) loads[place]! += (computeMs * share) / total;
    }
  }
  return loads;
}

export function loadsOf(plan: PlacedPlan, places: Places, simulation: FrameSimulation): PlaceLoad[] {
  const loads = places.places.map((): PlaceLoad => ({
    computeMs: 0,
    transportMs: 0,
    bytesIn: 0,
    bytesOut: 0,
  }));
  for (const [place, computeMs] of engineLoads(plan, places).entries()) loads[place]!.computeMs = computeMs;
  const choices = laneChoices(plan);
  for (let producer = REQUESTER; producer < plan.segments.length; producer++) {
    for (const consumer of simulation.consumers(producer)) {
      const weights = new Map<Passages, number>();
      for (const { lanes, weight } of choices) {
        const passages = simulation.passages(lanes, producer, consumer);
        weights.set(passages, (weights.get(passages) ?? 0) + weight);
      }
      for (const [{ byTile }, weight] of weights) {
        for (const passages of byTile) for (const passage of passages ?? []) add(passage, weight);
      }
    }
  }
  return loads;

  function add({ from, to, sizeBytes }: Passage, weight: number): void {
    const sender = loads[from]!;
    const receiver = loads[to]!;
    const sending = places.places[from]!;
    if (from === to) {
      sender.transportMs += weight * sizeBytes * sending.copyMsPerByte;
      return;
    }
    const { pieceMs, sendMsPerByte } = sending.transport;
    const receiving = places.places[to]!.transport;
    sender.transportMs += weight * (pieceMs + sizeBytes * sendMsPerByte);
    receiver.transportMs += weight * (receiving.pieceMs + sizeBytes * receiving.receiveMsPerByte);
    sender.bytesOut += weight * sizeBytes;
    receiver.bytesIn += weight * sizeBytes;
  }
}

interface LaneChoice {
  readonly lanes: readonly number[];
  readonly weight: number;
}

/** The lanes that frames take, and which part of the frames takes them. */
function laneChoices(plan: PlacedPlan): LaneChoice[] {
  const many = plan.segments.flatMap(({ lanes }, segment) => (lanes.length > 1 ? [segment] : []));
  if (many.length <= 1) {
    const { lanes } = plan.segments[many[0] ?? 0]!;
    const total = lanes.reduce((sum, { share }) => sum + share, 0);
    return lanes.map(({ share }, lane) => ({
      lanes: plan.segments.map((_, segment) => (segment === many[0] ? lane : 0)),
      weight: share / total,
    }));
  }
  const dealer = new LaneDealer(plan);
  const dealt = new Map<string, LaneChoice>();
  for (let frame = 0; frame < DEALT_FRAMES; frame++) {
    const lanes = dealer.next();
    const key = lanes.join();
    dealt.set(key, { lanes, weight: (dealt.get(key)?.weight ?? 0) + 1 / DEALT_FRAMES });
  }
  return [...dealt.values()];
}

export interface SteadyState {
  readonly framesPerSecond: number;
  readonly loadedLatencyMs: number;
}

export interface SteadyStateOptions extends SimulateOptions {
  /** Between frames, milliseconds: where few frames say that a plan misses it, they are enough. */
  readonly boundMs?: number;
}

export function steadyState(
  plan: PlacedPlan,
  simulation: FrameSimulation,
  loads: readonly PlaceLoad[],
  { window, frames, boundMs = Infinity }: SteadyStateOptions,
): SteadyState {
  // No schedule is faster than its busiest engine; a stretch of uneven completions can look so.
  const slowestMs = loads.reduce((most, { computeMs }) => Math.max(most, computeMs), 0);
  const after = (count: number): SteadyState => {
    const times = simulation.run({ window, frames: count, uneven: true });
    const fill = Math.min(count - 2, Math.ceil(count * FILL_SHARE));
    const framesPerSecond = Math.min(1000 * pace(times, fill), 1000 / slowestMs);
    const latencies = times.latenciesMs.slice(fill);
    const loadedLatencyMs = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
    return { framesPerSecond, loadedLatencyMs };
  };
  if (frames !== undefined) return after(frames);
  const few = after(fewFrames(plan, window));
  const misses = 1000 / few.framesPerSecond > boundMs;
  return misses || !lanesMeet(plan) ? few : after(MANY_FRAMES);
}

/** Enough for every lane to be dealt several. */
function fewFrames({ segments }: PlacedPlan, window: number): number {
  const lanes = Math.max(...segments.map((segment) => segment.lanes.length));
  return 12 + 3 * window + (lanes > 1 ? 4 * Math.min(lanes, MANY_LANES) : 0);
}

/**
 * Whether frames of different lanes come together on a device, as where each device has a lane and all of them the layers behind: frames wait
 * for whole frames of others then, ever different ones.
 */
function lanesMeet({ segments }: PlacedPlan): boolean {
  const laneOf = new Map<number, string>();
  let run = 0;
  return segments.some(({ lanes }, segment) => {
    const before = segments[segment - 1];
    if (before && !dealInStep(before.lanes, lanes)) run += 1;
    return lanes.some(({ tiles }, lane) => {
      const name = lanes.length === 1 ? '' : `${run} ${lane}`;
      return tiles.some(({ place }) => {
        const known = laneOf.get(place) ?? name;
        laneOf.set(place, known);
        return known !== name;
      });
    });
  });
}

/**
 * Frames per millisecond: how far the completions from `first` on are spread, in number and in time. Bursts at both ends
 * hardly matter, as they would for the first and the last completion.
 */
function pace({ doneMs }: FrameTimes, first: number): number {
  const count = doneMs.length - first;
  let meanMs = 0;
  for (let index = first; index < doneMs.length; index++) meanMs += doneMs[index]! / count;
  let squaresMs = 0;
  for (let index = first; index < doneMs.length; index++) squaresMs += (doneMs[index]! - meanMs) ** 2;
  const squares = (count * (count * count - 1)) / 12;
  return Math.sqrt(squares / squaresMs);
}

/** What is busiest, if it is busy enough to bound the rate. */
function bottleneckOf(devices: readonly DeviceLoad[]): Bottleneck {
  let most: Bottleneck = { kind: 'latency', share: 0 };
  for (const { peer, busy } of devices) {
    for (const kind of ['compute', 'transport', 'uplink', 'downlink'] as const) {
      if (busy[kind] > most.share) most = { kind, peer, share: busy[kind] };
    }
  }
  return most.share >= BOUND_SHARE ? most : { kind: 'latency', share: most.share };
}
