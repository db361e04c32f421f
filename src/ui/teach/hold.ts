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
    const latest = this.#holds.findLastIndex(({ fromMs }) => fromMs <= takenAtMs);
    if (latest < 0) return undefined;
    // What was held before that is over.
    this.#holds.splice(0, latest);
    const held = this.#holds[0]!;
    const isLate = takenAtMs > held.untilMs;
    const isTooMany = isLate || takenAtMs - this.#lastExampleMs < EXAMPLE_EVERY_MS;
    if (held.hasExample && isTooMany) return undefined;
    held.hasExample = true;
    this.#lastExampleMs = takenAtMs;
    return held.id;
  }
}
