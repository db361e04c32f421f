/** What a thread can tell and do about its own time; milliseconds. */
export interface ThreadTime {
  now(): number;
  /** Processor time of this thread up to when it slept last. */
  processorMs(): number;
  sleep(ms: number): void | Promise<void>;
}

export interface Shared<T> {
  readonly value: T;
  /** From the beginning of the job to the end of the rest after it. */
  readonly tookMs: number;
}

/** Of how many runs of a job the least counts: a machine may become slower for good. */
const RUNS_KEPT = 64;

/** What a job that is done again and again has taken of the processor. */
export class UsualTime {
  readonly #usedMs: number[] = [];

  /** Adds a run; the least of the last ones, which is what the job takes when nothing disturbs it. */
  add(usedMs: number): number {
    if (this.#usedMs.push(usedMs) > RUNS_KEPT) this.#usedMs.shift();
    return Math.min(...this.#usedMs);
  }
}

/** A rest in which the system brings the count of processor time up to date. */
const SHORTEST_REST_MS = 0.05;
/** Shorter rests take longer to begin and end than they last. */
const LEAST_REST_MS = 0.02;

/**
 * Gives a thread a part of a processor: whatever a job has computed for 10 ms with a share of a quarter is over after 40.
 * So it is a slower device, evenly so and at any length of jobs, which quotas of operating systems are not. What other
 * programs take from it meanwhile comes out of the rest.
 */
export class SharedTime {
  /** Above 0, at most 1: no rests. */
  share = 1;
  /**
   * Whether a job is over when it would be if nothing disturbed it: several devices that one machine plays share its caches and
   * memory, and often one core, as devices do not. What is used of the processor may then exceed the share. Runs with all of the processor
   * tell what a job takes, too.
   */
  steady = false;
  readonly #time: ThreadTime;

  constructor(time: ThreadTime) {
    this.#time = time;
  }

  async run<T>(job: () => Promise<T>, usual: UsualTime): Promise<Shared<T>> {
    const { share } = this;
    const time = this.#time;
    const startedMs = time.now();
    if (share === 1 && !this.steady) {
      const value = await job();
      return { value, tookMs: time.now() - startedMs };
    }
    const processorMs = time.processorMs();
    const value = await job();
    const ranMs = time.now() - startedMs;
    await time.sleep(SHORTEST_REST_MS);
    // What a thread did between two jobs counts as well; what passed between them does not.
    const usedMs = Math.min(ranMs, time.processorMs() - processorMs);
    const countedMs = this.steady ? usual.add(usedMs) : usedMs;
    const leftMs = startedMs + countedMs / share - time.now();
    if (leftMs >= LEAST_REST_MS) await time.sleep(leftMs);
    return { value, tookMs: share === 1 ? ranMs : time.now() - startedMs };
  }
}
