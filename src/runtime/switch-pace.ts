export interface SwitchPaceOptions {
  /** At least this long between two switches that nobody needs. */
  readonly pauseMs: number;
}

const LONGEST_PAUSE_MS = 300_000;
/** Whoever wants to switch again within so many pauses has not found what it looks for. */
const RESTLESS = 8;

/**
 * Keeps a session from going back and forth between plans: after a voluntary switch there is a pause, which doubles while
 * the wish to switch comes back soon, and is forgotten when it does not.
 */
export class SwitchPace {
  readonly #baseMs: number;
  #pauseMs: number;
  #lastMs = -Infinity;

  constructor({ pauseMs }: SwitchPaceOptions) {
    this.#baseMs = pauseMs;
    this.#pauseMs = pauseMs;
  }

  /** When the next voluntary switch may be considered, clock milliseconds. */
  get notBeforeMs(): number {
    return this.#lastMs + this.#pauseMs;
  }

  /** A voluntary switch was made, or tried in vain. */
  switched(nowMs: number): void {
    const isRestless = nowMs - this.#lastMs < RESTLESS * this.#pauseMs;
    this.#pauseMs = isRestless ? Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs) : this.#baseMs;
    this.#lastMs = nowMs;
  }
}
