import {
  MAX_SPANS_PER_MESSAGE,
  PEER_STAGES,
  type PeerStage,
  type WireSpan,
} from '../../protocol/trace-span.ts';
import type { Clock } from '../../shared/clock.ts';

/** Numbers per span: that of `WireSpan`. */
const STRIDE = 9;
const DEFAULT_CAPACITY = 8192;

/** The piece that a span belongs to, by its consumer's address; `input` and `piece` are 0 for spans of a whole tile. */
export interface SpanSubject {
  readonly frame: number;
  readonly segment: number;
  readonly tile: number;
  readonly input?: number;
  readonly piece?: number;
}

/**
 * Spans of one session on one device, in a ring of plain numbers: recording allocates nothing. When the ring is full
 * the oldest span is overwritten, and counted.
 */
export class TraceRecorder {
  readonly #ring: Float64Array;
  readonly #capacity: number;
  /** Spans ever recorded, and ever taken or overwritten. */
  #written = 0;
  #read = 0;
  #lost = 0;

  readonly #clock: Clock;

  constructor(clock: Clock, capacity = DEFAULT_CAPACITY) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.#ring = new Float64Array(capacity * STRIDE);
  }

  /** Overwritten before they were taken. */
  get lost(): number {
    return this.#lost;
  }

  get pending(): number {
    return this.#written - this.#read;
  }

  /** Times in milliseconds of this device's clock. */
  record(stage: PeerStage, subject: SpanSubject, startMs: number, endMs: number, sizeBytes = 0): void {
    const at = (this.#written % this.#capacity) * STRIDE;
    const ring = this.#ring;
    ring[at] = PEER_STAGES.indexOf(stage);
    ring[at + 1] = subject.frame;
    ring[at + 2] = subject.segment;
    ring[at + 3] = subject.tile;
    ring[at + 4] = subject.input ?? 0;
    ring[at + 5] = subject.piece ?? 0;
    ring[at + 6] = startMs;
    // A clock of coarse resolution must not make a span end before it starts.
    ring[at + 7] = Math.max(startMs, endMs);
    ring[at + 8] = sizeBytes;
    this.#written += 1;
    if (this.pending > this.#capacity) {
      this.#read += 1;
      this.#lost += 1;
    }
  }

  /** A piece has arrived, announced at `sinceMs`; `assemble` puts it into place. */
  arrived<T>(piece: SpanSubject, sinceMs: number, sizeBytes: number, assemble: () => T): T {
    this.record('receive', piece, sinceMs, this.#clock.now(), sizeBytes);
    return this.timed('assemble', piece, assemble);
  }

  timed<T>(stage: 'assemble', piece: SpanSubject, work: () => T): T {
    const startMs = this.#clock.now();
    const result = work();
    this.record(stage, piece, startMs, this.#clock.now());
    return result;
  }

  /** Until the piece is ready to be sent: what a codec does before it knows the first byte. */
  async encoded<T>(piece: SpanSubject, encode: () => Promise<T>): Promise<T> {
    const startMs = this.#clock.now();
    const result = await encode();
    this.record('encode', piece, startMs, this.#clock.now());
    return result;
  }

  /** From the call until the last byte was handed to the link. */
  async sent(piece: SpanSubject, sizeBytes: number, send: () => Promise<void>): Promise<void> {
    const startMs = this.#clock.now();
    await send();
    this.record('send', piece, startMs, this.#clock.now(), sizeBytes);
  }

  /** Takes the oldest spans, at most as many as fit into one message. */
  take(): WireSpan[] {
    const taken: WireSpan[] = [];
    while (taken.length < MAX_SPANS_PER_MESSAGE && this.pending > 0) {
      const at = (this.#read % this.#capacity) * STRIDE;
      taken.push([...this.#ring.subarray(at, at + STRIDE)] as WireSpan);
      this.#read += 1;
    }
    return taken;
  }
}
