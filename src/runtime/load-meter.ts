import type { Clock } from '../shared/clock.ts';
import type { SessionId } from '../shared/ids.ts';

/** Load is a mean over so much time. */
const WINDOW_MS = 3000;
/** So many frames are known apart, and their times kept. */
const KEPT_FRAMES = 64;
/** A rate lives for so many of its own intervals after the last frame, and no shorter than the window. */
const RATE_OUTLIVES = 3;

export interface Load {
  /** Part of the last seconds during which the engine computed, 0–1. A tile counts when it is done. */
  readonly busy: number;
  /** Frames that this device took part in; 0 when none came lately. */
  readonly framesPerSecond: number;
}

/** How busy an engine is and how many frames per second pass through it, from the ends of its tiles. */
export class LoadMeter {
  readonly #clock: Pick<Clock, 'now'>;
  #tiles: { readonly startMs: number; readonly endMs: number }[] = [];
  readonly #frames = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  tileDone({ session, frame, computeMs }: TileDone): void {
    const now = this.#clock.now();
    this.#tiles.push({ startMs: now - computeMs, endMs: now });
    const key = `${session}/${frame}`;
    if (this.#frames.has(key)) return;
    this.#frames.set(key, now);
    if (this.#frames.size > KEPT_FRAMES) this.#frames.delete(this.#frames.keys().next().value!);
  }

  read(): Load {
    const now = this.#clock.now();
    const sinceMs = now - WINDOW_MS;
    this.#tiles = this.#tiles.filter(({ endMs }) => endMs > sinceMs);
    // One tile at a time: they do not overlap.
    const busyMs = this.#tiles.reduce(
      (sum, { startMs, endMs }) => sum + endMs - Math.max(startMs, sinceMs),
      0,
    );
    return { busy: Math.min(1, busyMs / WINDOW_MS), framesPerSecond: this.#rate(now) };
  }

  #rate(now: number): number {
    const times = [...this.#frames.values()];
    const latest = times.at(-1);
    if (latest === undefined || times.length < 2) return 0;
    // Frames of an earlier run, before a pause, say nothing about this one.
    let first = times.length - 1;
    while (first > 0 && latest - times[first - 1]! <= WINDOW_MS) first -= 1;
    if (first === times.length - 1) first -= 1;
    const intervalMs = (latest - times[first]!) / (times.length - 1 - first);
    if (intervalMs <= 0 || now - latest > Math.max(WINDOW_MS, RATE_OUTLIVES * intervalMs)) return 0;
    return 1000 / intervalMs;
  }
}

export interface TileDone {
  readonly session: SessionId;
  readonly frame: number;
  readonly computeMs: number;
}
