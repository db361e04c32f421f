/** At most so often: neighbouring pictures of a camera are all the same. */
const EXAMPLE_EVERY_MS = 100;

interface Held {
  readonly id: number;
  readonly fromMs: number;
  untilMs: number;
  /** A press that was shorter than the time between two pictures gets the next one. */
  hasExample: boolean;
}

/**
 * Which pictures are examples of which class: those taken while its button was held, however late their features come. Knows
 * no clock: times are handed in.
 */
export class Holds {
  #holds: Held[] = [];
  #lastExampleMs = -Infinity;

  press(id: number, nowMs: number): void {
    this.release(nowMs);
    this.#holds.push({ id, fromMs: nowMs, untilMs: Infinity, hasExample: false });
  }

  release(nowMs: number): void {
    const last = this.#holds.at(-1);
    if (last?.untilMs === Infinity) last.untilMs = nowMs;
  }

  /** Nothing that is held counts any more. */
  clear(): void {
    this.#holds = [];
  }

  /** The class that a picture is an example of. Pictures come in the order in which they were taken. */
  classOf(takenAtMs: number): number | undefined {
    // Those that ended before, and have what they were for.
    this.#holds = this.#holds.filter(({ untilMs, hasExample }) => untilMs >= takenAtMs || !hasExample);
    const held = this.#holds.find(({ fromMs }) => fromMs <= takenAtMs);
    if (!held) return undefined;
    if (takenAtMs > held.untilMs) {
      this.#holds = this.#holds.filter((other) => other !== held);
      this.#lastExampleMs = takenAtMs;
      return held.id;
    }
    if (held.hasExample && takenAtMs - this.#lastExampleMs < EXAMPLE_EVERY_MS) return undefined;
    held.hasExample = true;
    this.#lastExampleMs = takenAtMs;
    return held.id;
  }
}
