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
  /** What it is compared with: what was expected, or what it was when plans were last compared. */
  referenceMs: number | undefined;
}

/** Weight of the newest frame: what a tile has taken for the last three frames or so is what it takes. */
const NEWEST = 0.4;
/** Times that are told apart by less than this are noise. */
const DRIFT = 1.5;
const DRIFT_MS = 2;
/** A tile's first frames do not count: caches are cold, and links find their pace. */
const FRAMES_UNTIL_KNOWN = 3;

/** Measured times of an epoch's tiles beside the expected ones. */
export class TileTimes {
  readonly #expectedMs: ExpectedMs;
  readonly #tiles = new Map<string, Times>();

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
      times = { report, frames: 0, computeMs, receiveMs, referenceMs };
      this.#tiles.set(key, times);
    }
    times.frames += 1;
    times.computeMs += (computeMs - times.computeMs) * NEWEST;
    times.receiveMs += (receiveMs - times.receiveMs) * NEWEST;
    if (times.frames < FRAMES_UNTIL_KNOWN) return undefined;
    if (times.referenceMs === undefined) {
      times.referenceMs = times.computeMs;
      return undefined;
    }
    const { referenceMs } = times;
    if (Math.abs(times.computeMs - referenceMs) < DRIFT_MS) return undefined;
    if (times.computeMs > referenceMs * DRIFT) return 'slower';
    return times.computeMs * DRIFT < referenceMs ? 'faster' : undefined;
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
