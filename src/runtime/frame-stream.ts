import type { Clock } from '../shared/clock.ts';
import { toPeerceptronError, type PeerceptronError } from '../shared/errors.ts';
import type { FrameInput } from './frame-input.ts';
import type { FrameResult } from './frames-in-flight.ts';
import type { Session } from './session.ts';

/** One per graph input. */
export type FrameInputs = readonly FrameInput[];

/** What turns a frame of any kind (a picture, a path) into a network's inputs. */
export type EncodeFrame<Frame> = (frame: Frame) => FrameInputs | Promise<FrameInputs>;

/** What feeding needs of a session. */
export type FrameRunner = Pick<Session, 'run' | 'window'>;

export interface FrameOutcome<Frame> {
  readonly frame: Frame;
  readonly inputs: FrameInputs;
  readonly result: FrameResult;
}

/** Frames behind one that takes a slower lane: those in flight, and results that wait for it. */
const MOST_WINDOWS = 3;

/**
 * Lossless: every frame of `frames` is computed, and the results come in its order. As many frames as the session's window
 * are in flight and one more is read ahead, so a slow network or a slow consumer holds the source back. A frame that takes its time
 * does not hold up those behind it, as far as three windows. What goes wrong with a
 * frame is thrown in its place; then, and when the consumer stops early, the frames behind it are dropped.
 */
export async function* runInOrder<Frame>(
  session: FrameRunner,
  frames: AsyncIterable<Frame> | Iterable<Frame>,
  encode: EncodeFrame<Frame>,
): AsyncGenerator<FrameOutcome<Frame>, void, undefined> {
  const running = new Set<AbortController>();
  let stopped = false;
  let ended = false;
  const source = Symbol.asyncIterator in frames ? frames[Symbol.asyncIterator]() : frames[Symbol.iterator]();
  let lastRead: Promise<unknown> = Promise.resolve();
  const read = (): Promise<Omit<FrameOutcome<Frame>, 'result'> | undefined> => {
    const next = lastRead.then(async () => {
      const item = await source.next();
      return item.done ? undefined : { frame: item.value, inputs: await encode(item.value) };
    });
    lastRead = next;
    return next;
  };
  const runNext = async (): Promise<FrameOutcome<Frame> | undefined> => {
    const ready = await read();
    if (!ready) ended = true;
    if (!ready || stopped) return undefined;
    const controller = new AbortController();
    running.add(controller);
    try {
      return { ...ready, result: await session.run(ready.inputs, { signal: controller.signal }) };
    } finally {
      running.delete(controller);
    }
  };
  interface Ahead {
    readonly outcome: Promise<FrameOutcome<Frame> | undefined>;
    settled: boolean;
  }
  const ahead: Ahead[] = [];
  let unsettled = 0;
  const readOn = (): void => {
    const { window } = session;
    while (!stopped && !ended && unsettled <= window) {
      // Behind a result that nobody has taken yet nothing more is begun.
      const isHeldUp = ahead.length > 0 && !ahead[0]!.settled;
      if (ahead.length > (isHeldUp ? MOST_WINDOWS : 1) * window) return;
      const next: Ahead = { outcome: runNext(), settled: false };
      const settle = (): void => {
        next.settled = true;
        unsettled -= 1;
        readOn();
      };
      unsettled += 1;
      ahead.push(next);
      // Its turn to be awaited comes later; until then its failure must not count as unhandled.
      next.outcome.then(settle, settle);
    }
  };
  try {
    for (;;) {
      readOn();
      const outcome = await ahead[0]?.outcome;
      ahead.shift();
      if (!outcome) return;
      yield outcome;
    }
  } finally {
    stopped = true;
    for (const controller of running) controller.abort();
    // Not awaited: a camera may be asked for a frame that never comes, and its end waits behind that.
    void Promise.resolve(source.return?.()).catch(() => undefined);
  }
}

export interface LiveCounts {
  readonly offered: number;
  /** Of the offered ones, those that went into the mesh. */
  readonly started: number;
  readonly computed: number;
  /** Never started because a newer one came or it was too old, dropped on the way, or overtaken by a newer result. */
  readonly dropped: number;
  readonly failed: number;
}

export interface LiveOutcome<Frame> {
  readonly frame: Frame;
  readonly result: FrameResult;
  /** Truly end to end: from the offer to the result, waiting and encoding included. */
  readonly ageMs: number;
}

export interface LiveFramesOptions<Frame> {
  readonly session: FrameRunner;
  readonly clock: Pick<Clock, 'now'>;
  /** Called only for frames that start. */
  readonly encode: EncodeFrame<Frame>;
  /** A frame that has waited for longer is not started. Default 1000. */
  readonly maxAgeMs?: number;
  /** Called in the order of the offers; results that a newer one has overtaken are left out. */
  readonly onResult: (outcome: LiveOutcome<Frame>) => void;
  /** A frame that went wrong; the next ones run. When the session is over, every frame tells so. */
  readonly onFailure?: (frame: Frame, error: PeerceptronError) => void;
}

interface Offered<Frame> {
  readonly frame: Frame;
  readonly number: number;
  readonly atMs: number;
}

const DEFAULT_MAX_AGE_MS = 1000;

/**
 * Latest frame wins, for live video: a camera offers frames whenever it has them. While the session's window is full, only the
 * newest waits; what is dropped is counted. `offered = computed + dropped + failed + waiting + in flight`, always.
 */
export class LiveFrames<Frame> {
  readonly #options: LiveFramesOptions<Frame>;
  readonly #inFlight = new Map<number, AbortController>();
  readonly #settled: (() => void)[] = [];
  #waiting: Offered<Frame> | undefined;
  #newestResult = -1;
  #closed = false;
  #counts = { offered: 0, started: 0, computed: 0, dropped: 0, failed: 0 };

  constructor(options: LiveFramesOptions<Frame>) {
    this.#options = options;
  }

  get counts(): LiveCounts {
    return { ...this.#counts };
  }

  /** Starts the frame, or keeps it as the one that waits. Returns at once; after `close` nothing is taken. */
  offer(frame: Frame): void {
    if (this.#closed) return;
    if (this.#waiting) this.#counts.dropped += 1;
    this.#waiting = { frame, number: this.#counts.offered, atMs: this.#options.clock.now() };
    this.#counts.offered += 1;
    this.#startWaiting();
  }

  /** Every peer forgets the frames in flight, and the one that waits is forgotten too: the scene has changed. */
  dropAll(): void {
    this.#dropWaiting();
    for (const controller of this.#inFlight.values()) controller.abort();
  }

  /** The source has ended: the frame that waits is started if it may be, and those in flight get their results. Resolves then. */
  async finish(): Promise<void> {
    this.#closed = true;
    while (this.#waiting || this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => this.#settled.push(resolve));
    }
  }

  /** Takes no more frames, forgets the one that waits; resolves when those in flight have a result or an error. */
  close(): Promise<void> {
    this.#dropWaiting();
    return this.finish();
  }

  #dropWaiting(): void {
    if (this.#waiting) this.#counts.dropped += 1;
    this.#waiting = undefined;
  }

  #startWaiting(): void {
    const { session, clock, maxAgeMs = DEFAULT_MAX_AGE_MS } = this.#options;
    if (!this.#waiting || this.#inFlight.size >= session.window) return;
    if (clock.now() - this.#waiting.atMs > maxAgeMs) {
      this.#dropWaiting();
      return;
    }
    const offered = this.#waiting;
    this.#waiting = undefined;
    void this.#run(offered);
  }

  async #run({ frame, number, atMs }: Offered<Frame>): Promise<void> {
    const { session, clock, encode, onResult, onFailure } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    this.#inFlight.set(number, controller);
    this.#counts.started += 1;
    let outcome: LiveOutcome<Frame> | undefined;
    let failure: PeerceptronError | undefined;
    try {
      const result = await session.run(await encode(frame), { signal });
      if (number < this.#newestResult) this.#counts.dropped += 1;
      else {
        this.#newestResult = number;
        this.#counts.computed += 1;
        outcome = { frame, result, ageMs: clock.now() - atMs };
      }
    } catch (thrown) {
      this.#counts[signal.aborted ? 'dropped' : 'failed'] += 1;
      if (!signal.aborted) failure = toPeerceptronError(thrown);
    }
    this.#inFlight.delete(number);
    if (outcome) onResult(outcome);
    if (failure) onFailure?.(frame, failure);
    this.#startWaiting();
    if (this.#inFlight.size === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }
}
