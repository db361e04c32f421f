import type { ControlMessage } from '../../protocol/messages.ts';
import type { Clock } from '../../shared/clock.ts';
import type { TileAddress } from '../../planner/compiled-plan.ts';
import type { SessionId } from '../../shared/ids.ts';
import { TraceRecorder } from './recorder.ts';

/** So many spans are worth a message while frames run. */
const BATCH_SPANS = 256;
/** At least as many as a peer posts to its engine at once. */
const HELD_TILES = 4;

export interface PeerTraceOptions {
  readonly session: SessionId;
  readonly epoch: number;
  readonly clock: Clock;
  /** To the requester; must not throw. */
  readonly send: (message: ControlMessage) => void;
}

export interface TileTimes {
  /** First byte of input announced, last byte arrived; of this device's clock. */
  readonly sinceMs: number;
  readonly completeMs: number;
  /** As the engine measured it. */
  readonly computeMs: number;
}

/** What a serving peer records for a requester that asked for a trace, and how it hands it over. */
export class PeerTrace {
  readonly #options: PeerTraceOptions;
  readonly recorder: TraceRecorder;
  readonly #held: {
    readonly tile: TileAddress & { readonly frame: number };
    readonly times: TileTimes;
    endMs: number;
  }[] = [];
  #engineFreeMs = -Infinity;

  constructor(options: PeerTraceOptions) {
    this.#options = options;
    this.recorder = new TraceRecorder(options.clock);
  }

  /** Called when the engine's answer is there. */
  computed(tile: TileAddress & { readonly frame: number }, times: TileTimes): void {
    const endMs = this.#options.clock.now();
    this.#held.push({ tile, times, endMs });
    // The engine says how long, not when, and answers may be read late. It does one thing at a time, in order: a tile was done
    // when the next one began.
    let latestMs = endMs - times.computeMs;
    for (let index = this.#held.length - 2; index >= 0; index -= 1) {
      const earlier = this.#held[index]!;
      earlier.endMs = Math.min(earlier.endMs, latestMs);
      latestMs = earlier.endMs - earlier.times.computeMs;
    }
    if (this.#held.length > HELD_TILES) this.#commit(1);
    if (this.recorder.pending >= BATCH_SPANS) this.#sendBatch();
  }

  onControl(message: Extract<ControlMessage, { type: 'clock-request' | 'trace-request' }>): void {
    const { session, epoch, clock, send } = this.#options;
    if (message.type === 'clock-request') {
      send({ type: 'clock', session, epoch, nonce: message.nonce, nowMs: clock.now() });
      return;
    }
    this.#commit(this.#held.length);
    do this.#sendBatch(message.request);
    while (this.recorder.pending > 0);
  }

  /** Nothing that comes later moves these any more. */
  #commit(count: number): void {
    for (const { tile, times, endMs } of this.#held.splice(0, count)) {
      const { sinceMs, completeMs, computeMs } = times;
      const startMs = Math.max(completeMs, this.#engineFreeMs, endMs - computeMs);
      this.#engineFreeMs = startMs + computeMs;
      this.recorder.record('wait', tile, sinceMs, completeMs);
      this.recorder.record('queue', tile, completeMs, startMs);
      this.recorder.record('compute', tile, startMs, startMs + computeMs);
    }
  }

  #sendBatch(request?: number): void {
    const { session, epoch, send } = this.#options;
    const spans = this.recorder.take();
    const { lost, pending } = this.recorder;
    const last = request !== undefined && pending === 0 ? { request } : {};
    send({ type: 'trace', session, epoch, spans, lost, ...last });
  }
}
