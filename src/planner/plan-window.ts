import type { PeerId } from '../shared/ids.ts';
import type { CompiledPlan } from './compiled-plan.ts';
import { memoryPerPeer, type WeightStorageOf } from './memory.ts';
import type { Lane, Plan } from './plan.ts';

/** More frames than that only wait: latency and memory without a gain in rate. */
const LARGEST_WINDOW = 32;
/** Of a window of few frames, how much wider it may be, and how wide at most. */
const WIDER = [1.5, 2, 3];
const WIDEST = 8;

/** `rate`: no peer ever waits for its next input. `latency`: none waits for long, and no frame waits behind many others. */
export type WindowObjective = 'rate' | 'latency';

/**
 * Frames that should be in flight to keep every peer busy: for the rate, two per lane of each pipeline stage (one is computed
 * while the next arrives); for the latency one, and one that travels. Segments that follow each other on common peers are
 * one stage: those peers work on one frame at a time.
 */
export function planWindow(plan: Plan, objective: WindowObjective = 'rate'): number {
  const peersOf = (tiles: Lane['tiles']): PeerId[] => tiles.map(({ peer }) => peer);
  return windowOf(
    plan.segments.map(({ lanes }) => lanes.map(({ tiles }) => peersOf(tiles))),
    objective,
  );
}

/** Of segments, lanes, and who computes in each. */
export function windowOf<P>(
  segments: readonly (readonly (readonly P[])[])[],
  objective: WindowObjective,
): number {
  let lanesOfStages = 0;
  let stagePeers = new Set<P>();
  let lanesCounted = 0;
  for (const lanes of segments) {
    const peers = lanes.flat();
    if (!peers.some((peer) => stagePeers.has(peer))) {
      stagePeers = new Set();
      lanesCounted = 0;
    }
    for (const peer of peers) stagePeers.add(peer);
    lanesOfStages += Math.max(0, lanes.length - lanesCounted);
    lanesCounted = Math.max(lanesCounted, lanes.length);
  }
  const window = objective === 'rate' ? 2 * lanesOfStages : lanesOfStages + 1;
  return Math.min(Math.max(window, 1), LARGEST_WINDOW);
}

/**
 * The most frames in flight that may be worth their memory for the rate: where few lanes are split, parts of frames wait for each other,
 * and there is something to do meanwhile if more frames are under way.
 */
export function wideWindow<P>(segments: readonly (readonly (readonly P[])[])[], window: number): number {
  const isSplit = segments.some((lanes) => lanes.some((peers) => peers.length > 1));
  return isSplit ? Math.max(window, Math.min(WIDER.at(-1)! * window, WIDEST)) : window;
}

/** From a window up to the most that there may be. */
export const widerWindows = (window: number, most: number): number[] => [
  ...new Set(WIDER.map((factor) => Math.min(factor * window, most)).filter((frames) => frames > window)),
];

/**
 * The same, or as many as fit into the memory that every peer offers (bytes), but at least 1: whether that one fits is
 * for the peers to judge.
 */
export function windowWithin(
  compiled: CompiledPlan,
  offers: ReadonlyMap<PeerId, number>,
  objective: WindowObjective = 'rate',
  weightStorageOf?: WeightStorageOf,
): number {
  let window = planWindow(compiled.plan, objective);
  const fits = (): boolean =>
    [...memoryPerPeer(compiled, window, weightStorageOf)].every(
      ([peer, { totalBytes }]) => totalBytes <= (offers.get(peer) ?? Infinity),
    );
  while (window > 1 && !fits()) window -= 1;
  return window;
}
