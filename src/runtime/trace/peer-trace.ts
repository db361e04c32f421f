import type { ControlMessage } from '../../protocol/messages.ts';
import type { Clock } from '../../shared/clock.ts';
import type { TileAddress } from '../../planner/compiled-plan.ts';
import type { SessionId } from '../../shared/ids.ts';
import { TraceRecorder } from './recorder.ts';

/** So many spans are worth a message while frames run. */
const BATCH_SPANS = 256;

export interface PeerTraceOptions {
  readonly session: SessionId;
  readonly epoch: number;
  readonly clock: Clock;
  /** To the requester; must not throw. */
  readonly send: (message: ControlMessage) => void;
}

export interface TileTimes {
  /** First byte of input announced, last byte arrived, handed to the engine; of this device's clock. */
  readonly sinceMs: number;
  readonly completeMs: number;
  readonly startedMs: number;
  /** As the engine measured it. */
  readonly computeMs: number;
}

/** What a serving peer records for a requester that asked for a trace, and how it hands it over. */
export class PeerTrace {
  readonly #options: PeerTraceOptions;
  readonly recorder: TraceRecorder;

  constructor(options: PeerTraceOptions) {
    this.#options = options;
    this.recorder = new TraceRecorder(options.clock);
  }

  /** Called when the engine's answer has come. */
  computed(tile: TileAddress & { readonly frame: number }, times: TileTimes): void {
    const { sinceMs, completeMs, startedMs, computeMs } = times;
    const endMs = this.#options.clock.now();
    // The engine says how long, not when; its answer is the last thing it does. Two clocks may differ by their resolution.
    const computeStartMs = Math.max(startedMs, endMs - computeMs);
    this.recorder.record('wait', tile, sinceMs, completeMs);
    this.recorder.record('queue', tile, completeMs, computeStartMs);
    this.recorder.record('compute', tile, computeStartMs, endMs);
    if (this.recorder.pending >= BATCH_SPANS) this.#sendBatch();
  }

  onControl(message: Extract<ControlMessage, { type: 'clock-request' | 'trace-request' }>): void {
    const { session, epoch, clock, send } = this.#options;
    if (message.type === 'clock-request') {
      send({ type: 'clock', session, epoch, nonce: message.nonce, nowMs: clock.now() });
      return;
    }
    do this.#sendBatch(message.request);
    while (this.recorder.pending > 0);
  }

  #sendBatch(request?: number): void {
    const { session, epoch, send } = this.#options;
    const spans = this.recorder.take();
    const { lost, pending } = this.recorder;
    const last = request !== undefined && pending === 0 ? { request } : {};
    send({ type: 'trace', session, epoch, spans, lost, ...last });
  }
}
