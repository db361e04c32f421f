const DEFAULT_WINDOW_MS = 5000;
/** Less than this says nothing about a rate. */
const MIN_SPAN_MS = 400;

/** How fast something grows, over the last few seconds, and when it will be done. Knows no clock: times are handed in. */
export class RateMeter {
  readonly #windowMs: number;
  #samples: { readonly atMs: number; readonly done: number }[] = [];

  constructor(windowMs = DEFAULT_WINDOW_MS) {
    this.#windowMs = windowMs;
  }

  /** `done` so far. Less than before means that something new has begun. */
  add(done: number, nowMs: number): void {
    if (done < (this.#samples.at(-1)?.done ?? 0)) this.#samples = [];
    this.#samples.push({ atMs: nowMs, done });
    // One sample from before the window stays, so that slow steps have a rate too.
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < nowMs - this.#windowMs) this.#samples.shift();
  }

  /** Units per second; undefined until there is something to tell. */
  get perSecond(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < MIN_SPAN_MS || last.done === first.done) return undefined;
    return ((last.done - first.done) * 1000) / (last.atMs - first.atMs);
  }

  /** Until `total` at this rate; undefined without one. */
  leftMs(total: number): number | undefined {
    const rate = this.perSecond;
    const done = this.#samples.at(-1)?.done ?? 0;
    return rate === undefined ? undefined : (Math.max(0, total - done) * 1000) / rate;
  }
}

/** `8 s`, `3 min 20 s`, `2 h 5 min`: how people say what is left. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
