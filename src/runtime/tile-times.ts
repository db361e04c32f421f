import type { PeerId } from '../shared/ids.ts';
import type { TileReport } from './frames-in-flight.ts';

/** How a tile of the running plan does. */
export interface ObservedTile {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  readonly peer: PeerId;
  /** How many frames it has computed in this epoch. */
  readonly frames: number;
  /** Of late: recent frames weigh most. Milliseconds in the engine, and from the first announced byte of input to the last. */
  readonly computeMs: number;
  readonly receiveMs: number;
  /** What the plan expected; absent where nothing was said. */
  readonly expectedMs?: number;
}

export type ExpectedMs = (segment: number, lane: number, tile: number) => number | undefined;

interface Times {
  readonly report: TileReport;
  frames: number;
  computeMs: number;
  receiveMs: number;
  /** The latest, where it was so far off that it may be the first of another pace, or a frame that was disturbed. */
  oddMs: number | undefined;
  /** The first `FRAMES_UNTIL_SURE` that count. */
  readonly firstMs: number[];
  /** The latest change of its device's pace that it has shown itself. */
  pace: number;
  /** What it is compared with: what was expected, or what it was when plans were last compared. */
  referenceMs: number | undefined;
}

/** Weight of the newest frame among those that differ by noise. */
const NEWEST = 0.4;
/** Times that are told apart by less than this are noise. */
const DRIFT = 1.5;
const DRIFT_MS = 2;
/** A tile's first frames do not count: caches are cold, and links find their pace. */
const FRAMES_UNTIL_KNOWN = 3;
/** A tile that is so many times as long as one at another pace need not have changed: the short one may only have waited for its processor. */
const MUCH_LONGER = 4;
/** The median of so many frames leaves no doubt of much less: a profile was a little off. */
const FRAMES_UNTIL_SURE = 8;
const SURE_DRIFT = 1.15;

/**
 * Slowly where it is noise, and all the way when a second frame in a row is as far off; then returns how many times slower the
 * new pace is.
 */
function follow(times: Times, computeMs: number): number | undefined {
  const isOdd = (ms: number): boolean => ms > times.computeMs * DRIFT || ms * DRIFT < times.computeMs;
  if (!isOdd(computeMs)) {
    times.computeMs += (computeMs - times.computeMs) * NEWEST;
    times.oddMs = undefined;
  } else if (times.oddMs === undefined || times.oddMs > times.computeMs !== computeMs > times.computeMs) {
    times.oddMs = computeMs;
  } else {
    const before = times.computeMs;
    times.computeMs = (times.oddMs + computeMs) / 2;
    times.oddMs = undefined;
    return times.computeMs / before;
  }
  return undefined;
}

function driftOf(ms: number, referenceMs: number, beyond: number): 'slower' | 'faster' | undefined {
  if (Math.abs(ms - referenceMs) < DRIFT_MS) return undefined;
  if (ms > referenceMs * beyond) return 'slower';
  return ms * beyond < referenceMs ? 'faster' : undefined;
}

/** Measured times of an epoch's tiles beside the expected ones. */
export class TileTimes {
  readonly #expectedMs: ExpectedMs;
  readonly #tiles = new Map<string, Times>();
  /** How often each device has changed its pace. */
  readonly #paces = new Map<PeerId, number>();

  constructor(expectedMs: ExpectedMs = () => undefined) {
    this.#expectedMs = expectedMs;
  }

  /** What a tile should take: as measured of late, or as the plan said. */
  expected(segment: number, lane: number, tile: number): number | undefined {
    return this.#tiles.get(`${segment}/${lane}/${tile}`)?.computeMs ?? this.#expectedMs(segment, lane, tile);
  }

  /** Returns how the tile's times have moved since they were last compared, once that is beyond doubt. */
  add(report: TileReport): 'slower' | 'faster' | undefined {
    const { segment, lane, tile, computeMs, receiveMs } = report;
    const key = `${segment}/${lane}/${tile}`;
    let times = this.#tiles.get(key);
    if (!times) {
      const referenceMs = this.#expectedMs(segment, lane, tile);
      times = {
        report,
        frames: 0,
        computeMs,
        receiveMs,
        oddMs: undefined,
        firstMs: [],
        pace: this.#paces.get(report.peer) ?? 0,
        referenceMs,
      };
      this.#tiles.set(key, times);
    }
    times.frames += 1;
    const change = follow(times, computeMs);
    if (change !== undefined) this.#stepped(times, change);
    times.receiveMs += (receiveMs - times.receiveMs) * NEWEST;
    if (times.frames < FRAMES_UNTIL_KNOWN) return undefined;
    if (times.referenceMs === undefined) {
      times.referenceMs = times.computeMs;
      return undefined;
    }
    const { referenceMs, firstMs } = times;
    const drift = driftOf(times.computeMs, referenceMs, DRIFT);
    if (firstMs.length === FRAMES_UNTIL_SURE) return drift;
    firstMs.push(computeMs);
    if (firstMs.length < FRAMES_UNTIL_SURE) return drift;
    const typicalMs = firstMs.toSorted((a, b) => a - b)[FRAMES_UNTIL_SURE / 2]!;
    return drift ?? driftOf(typicalMs, referenceMs, SURE_DRIFT);
  }

  /**
   * Another pace of one tile is likely to be that of its device. Its other tiles that are not much longer, which may not have run at it yet,
   * are taken to have changed as much; where they have not, they are put right by their next frames.
   */
  #stepped(times: Times, change: number): void {
    const { peer } = times.report;
    const pace = this.#paces.get(peer) ?? 0;
    // One that was put right is no news of its device.
    if (times.pace < pace) {
      times.pace = pace;
      return;
    }
    this.#paces.set(peer, pace + 1);
    for (const other of this.#tiles.values()) {
      if (other === times || other.report.peer !== peer) continue;
      if (other.computeMs > (MUCH_LONGER * times.computeMs) / change) continue;
      other.computeMs *= change;
      other.oddMs = undefined;
    }
    times.pace = pace + 1;
  }

  /** Plans have been compared: from here on only what changes anew is news. */
  compared(): void {
    for (const times of this.#tiles.values()) {
      if (times.frames >= FRAMES_UNTIL_KNOWN) times.referenceMs = times.computeMs;
    }
  }

  observed(): ObservedTile[] {
    return [...this.#tiles.values()].map(({ report, frames, computeMs, receiveMs }) => {
      const { segment, lane, tile, peer } = report;
      const expectedMs = this.#expectedMs(segment, lane, tile);
      const expected = expectedMs === undefined ? {} : { expectedMs };
      return { segment, lane, tile, peer, frames, computeMs, receiveMs, ...expected };
    });
  }
}
