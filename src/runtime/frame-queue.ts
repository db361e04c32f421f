import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { FrameInput } from './frame-input.ts';
import { frameDropped, type FrameEntry, type FrameResult } from './frames-in-flight.ts';

/** What the queue needs of an epoch. */
export interface FrameEpoch {
  /** Frames that may be in flight in it, and those that are. */
  readonly window: number;
  readonly inFlight: number;
  /** Every peer of it is there: what is in flight will come. */
  readonly isHealthy: boolean;
  start(frame: StartedFrame): FrameEntry;
}

export interface StartedFrame {
  readonly id: number;
  readonly inputs: readonly FrameInput[];
  /** When `run` was called, and when the frame was first started; clock milliseconds. */
  readonly askedAt: number;
  readonly startedAt: number;
}

interface Frame<Epoch> {
  readonly inputs: readonly FrameInput[];
  readonly askedAt: number;
  /** Once it has been started. */
  started: StartedFrame | undefined;
  readonly attempts: Map<Epoch, FrameEntry>;
  /** How often it has been started. */
  starts: number;
  /** Why it will not have a result. */
  doomed: PeerceptronError | undefined;
  resolve(result: FrameResult): void;
  reject(error: PeerceptronError): void;
}

export interface FrameQueueOptions<Epoch> {
  readonly clock: Clock;
  /** `replay`: the frame waits for the next epoch, or starts anew in this one; `fail`: its caller gets the error. */
  readonly onFailed: (epoch: Epoch, error: PeerceptronError, attempts: number) => 'replay' | 'fail';
  /** A frame left this epoch, one way or the other. */
  readonly onSettled?: (epoch: Epoch) => void;
}

/**
 * The frames of a session, over all its epochs. A frame keeps its number and its inputs until there is a result, so that
 * it can be started again in another epoch; the first result counts, and every other attempt is dropped.
 */
export class FrameQueue<Epoch extends FrameEpoch> {
  readonly #options: FrameQueueOptions<Epoch>;
  /** In order of their numbers; those that were never started come last, in order of asking. */
  readonly #waiting: Frame<Epoch>[] = [];
  /** Started, without a result. */
  readonly #started = new Set<Frame<Epoch>>();
  #epoch: Epoch | undefined;
  #next = 0;

  constructor(options: FrameQueueOptions<Epoch>) {
    this.#options = options;
  }

  /** Frames without a result, those that wait included. */
  get size(): number {
    return new Set([...this.#waiting, ...this.#started]).size;
  }

  run(inputs: readonly FrameInput[], signal: AbortSignal | undefined): Promise<FrameResult> {
    if (signal?.aborted) return Promise.reject(frameDropped(signal));
    return new Promise<FrameResult>((resolve, reject) => {
      const drop = (): void => this.#doom(frame, frameDropped(signal));
      const askedAt = this.#options.clock.now();
      const frame: Frame<Epoch> = {
        inputs,
        askedAt,
        started: undefined,
        attempts: new Map(),
        starts: 0,
        doomed: undefined,
        resolve: (result) => {
          signal?.removeEventListener('abort', drop);
          resolve(result);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', drop);
          reject(error);
        },
      };
      signal?.addEventListener('abort', drop, { once: true });
      this.#waiting.push(frame);
      this.pump();
    });
  }

  /**
   * From now on frames start in this epoch, or wait where there is none. Frames in flight stay where they are as long as that
   * epoch is healthy; the others are started again, the oldest first.
   */
  use(epoch: Epoch | undefined): void {
    this.#epoch = epoch;
    if (!epoch) return;
    for (const frame of this.#started) {
      if (![...frame.attempts.keys()].some(({ isHealthy }) => isHealthy)) this.#requeue(frame);
    }
    this.pump();
  }

  /** Starts what may start. */
  pump(): void {
    for (;;) {
      const epoch = this.#epoch;
      if (!epoch?.isHealthy || epoch.inFlight >= epoch.window) return;
      const frame = this.#waiting.shift();
      if (!frame) return;
      const startedAt = this.#options.clock.now();
      frame.started ??= { id: this.#next++, inputs: frame.inputs, askedAt: frame.askedAt, startedAt };
      this.#started.add(frame);
      frame.starts += 1;
      const entry = epoch.start(frame.started);
      frame.attempts.set(epoch, entry);
      entry.result.then(
        (result) => this.#won(frame, epoch, result),
        (error: PeerceptronError) => this.#lost(frame, epoch, error),
      );
    }
  }

  /** Every frame ends with this error, but those whose result is here already. */
  failAll(error: PeerceptronError): void {
    for (const frame of [...this.#waiting, ...this.#started]) this.#doom(frame, error);
  }

  #doom(frame: Frame<Epoch>, error: PeerceptronError): void {
    frame.doomed ??= error;
    const at = this.#waiting.indexOf(frame);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (frame.attempts.size === 0) {
      this.#started.delete(frame);
      frame.reject(frame.doomed);
    }
    // One that is complete succeeds all the same.
    for (const entry of frame.attempts.values()) entry.fail(error);
  }

  #won(frame: Frame<Epoch>, epoch: Epoch, result: FrameResult): void {
    frame.attempts.delete(epoch);
    if (this.#started.delete(frame)) {
      const at = this.#waiting.indexOf(frame);
      if (at >= 0) this.#waiting.splice(at, 1);
      const merged = new PeerceptronError('FRAME_DROPPED', 'another epoch had the result first');
      for (const entry of frame.attempts.values()) entry.fail(merged);
      frame.resolve(result);
    }
    this.#settled(epoch);
  }

  #lost(frame: Frame<Epoch>, epoch: Epoch, error: PeerceptronError): void {
    frame.attempts.delete(epoch);
    const isCovered = frame.attempts.size > 0 || this.#waiting.includes(frame);
    if (this.#started.has(frame) && !isCovered) {
      const verdict = frame.doomed ? 'fail' : this.#options.onFailed(epoch, error, frame.starts);
      if (verdict === 'replay') this.#requeue(frame);
      else {
        this.#started.delete(frame);
        frame.reject(frame.doomed ?? error);
      }
    }
    this.#settled(epoch);
  }

  #settled(epoch: Epoch): void {
    this.pump();
    this.#options.onSettled?.(epoch);
  }

  #requeue(frame: Frame<Epoch>): void {
    if (this.#waiting.includes(frame)) return;
    const { id } = frame.started!;
    const at = this.#waiting.findIndex(({ started }) => started === undefined || started.id > id);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, frame);
  }
}
