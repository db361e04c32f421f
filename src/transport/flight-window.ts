import { CONNECTION_WINDOW_BYTES, FRAME_BYTES, SMALL_FRAME_BYTES } from '../protocol/chunk.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** Four chunks: with less, a link would fall silent while an acknowledgement travels. */
const SMALLEST_WINDOW_BYTES = 64 * 1024;
/**
 * What a receiver's socket surely holds while its process is not scheduled: Linux gives UDP sockets 208 KiB by default and
 * charges about twice the payload for small packets. What does not fit is lost, and losing the end of a burst
 * costs SCTP a time-out of 0.4 s or more, longer each time.
 */
const SOCKET_BUFFER_BYTES = 96 * 1024;
/** On a longer round trip the rest is on the wire. */
const SOCKET_DRAIN_MS = 2;
/** An acknowledgement this late means that the receiver cannot keep up: then nothing but its buffer is filled for a while. */
const STALL_MS = 1_000;
const CAREFUL_MS = 3_000;
/** How long an urgent frame may have to wait behind bytes that the link has already taken. */
const QUEUE_TARGET_MS = 8;
/** The window is judged after at least this time, this many acknowledgements, and one round trip. */
const SHORTEST_ROUND_MS = 20;
const FEWEST_SAMPLES = 4;
/** The shortest round trip is forgotten after one to two of these, in case the route became longer. */
const BASE_MEMORY_MS = 60_000;

interface Departure {
  /** Value of `#sent` after this message. */
  readonly endBytes: number;
  readonly atMs: number;
}

/**
 * How many bytes of streams may be on their way in one direction. The protocol allows 1 MiB; within that, this side
 * lets only about 8 ms of queue stand, because whatever the link has taken can no longer be overtaken by a more
 * urgent frame. Starts at 64 KiB and grows on evidence: a full window keeps the link busy while an acknowledgement is on its way
 * through two event loops, and what follows a lost packet tells SCTP at once that it is lost.
 *
 * The queue is the round trip above the shortest one known. As in CoDel (RFC 8289) it is the *smallest* of a round that counts: one
 * late acknowledgement may be a busy event loop, but if all of them are late, the queue stands.
 */
export class FlightWindow {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #departures: Departure[] = [];
  readonly #base = new RecentMinimum(BASE_MEMORY_MS);
  #sent = 0;
  #acknowledged = 0;
  #windowBytes = SMALLEST_WINDOW_BYTES;
  /** Of the bytes sent, those whose acknowledgement was asked for. */
  #asked = 0;
  #carefulUntilMs = -Infinity;
  #round = { startMs: -Infinity, samples: 0, shortestMs: Infinity, wasFull: false };

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  get inFlightBytes(): number {
    return this.#sent - this.#acknowledged;
  }

  /** Largest message for this window: four fill it. */
  get frameBytes(): number {
    return Math.min(FRAME_BYTES, Math.max(SMALL_FRAME_BYTES, this.#windowBytes >> 2));
  }

  /** Whether a message of `sizeBytes` may leave now. */
  admits(sizeBytes: number): boolean {
    if (this.inFlightBytes + sizeBytes <= this.#windowBytes) return true;
    this.#round.wasFull = true;
    // A window that shrank may be full of bytes whose acknowledgement nobody asked for; one more message asks.
    return this.#asked <= this.#acknowledged && this.inFlightBytes + sizeBytes <= CONNECTION_WINDOW_BYTES;
  }

  /** Whether the next message, of `sizeBytes`, asks for an acknowledgement: about three times per window. */
  asks(sizeBytes: number): boolean {
    return this.#sent + sizeBytes - this.#asked >= this.#windowBytes / 3;
  }

  sent(sizeBytes: number): void {
    if (this.asks(sizeBytes)) this.#asked = this.#sent + sizeBytes;
    this.#sent += sizeBytes;
    this.#departures.push({ endBytes: this.#sent, atMs: this.#clock.now() });
  }

  /**
   * The receiver has dealt with `total32` bytes since the start, modulo 2^32. Whether that is news.
   * @throws PROTOCOL_MALFORMED when that is more than was sent.
   */
  acknowledge(total32: number): boolean {
    const delta = (total32 - (this.#acknowledged % 2 ** 32)) >>> 0;
    if (delta === 0) return false;
    if (delta > this.inFlightBytes) {
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        'the other side acknowledged bytes that were never sent',
      );
    }
    this.#acknowledged += delta;
    let newest: Departure | undefined;
    let passed = 0;
    for (const departure of this.#departures) {
      if (departure.endBytes > this.#acknowledged) break;
      newest = departure;
      passed += 1;
    }
    if (newest === undefined) return true;
    this.#departures.splice(0, passed);
    this.#measure(newest);
    return true;
  }

  #measure(departure: Departure): void {
    const nowMs = this.#clock.now();
    const roundTripMs = Math.max(0, nowMs - departure.atMs);
    const baseMs = this.#base.add(roundTripMs, nowMs);
    const round = this.#round;
    if (roundTripMs - baseMs > STALL_MS) this.#carefulUntilMs = nowMs + CAREFUL_MS;
    round.samples += 1;
    round.shortestMs = Math.min(round.shortestMs, roundTripMs);
    const roundMs = Math.max(SHORTEST_ROUND_MS, round.shortestMs);
    if (round.samples < FEWEST_SAMPLES || nowMs - round.startMs < roundMs) return;
    const queueMs = round.shortestMs - baseMs;
    if (queueMs > QUEUE_TARGET_MS) {
      const factor = Math.max(0.5, (baseMs + QUEUE_TARGET_MS) / round.shortestMs);
      this.#windowBytes = Math.max(SMALLEST_WINDOW_BYTES, Math.floor(this.#windowBytes * factor));
    } else if (round.wasFull) {
      const factor = queueMs > QUEUE_TARGET_MS / 2 ? 1.25 : 2;
      this.#windowBytes = Math.floor(this.#windowBytes * factor);
    }
    this.#windowBytes = Math.min(this.#windowBytes, CONNECTION_WINDOW_BYTES);
    if (nowMs < this.#carefulUntilMs) {
      const onTheWireBytes = Math.floor((SOCKET_BUFFER_BYTES * baseMs) / SOCKET_DRAIN_MS);
      this.#windowBytes = Math.min(this.#windowBytes, Math.max(SOCKET_BUFFER_BYTES, onTheWireBytes));
    }
    this.#round = { startMs: nowMs, samples: 0, shortestMs: Infinity, wasFull: false };
  }
}

/** The smallest value of the last one to two periods, in constant space. */
class RecentMinimum {
  readonly #periodMs: number;
  #current = Infinity;
  #previous = Infinity;
  #startedMs = -Infinity;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  add(value: number, nowMs: number): number {
    const ageMs = nowMs - this.#startedMs;
    if (ageMs >= this.#periodMs) {
      this.#previous = ageMs >= 2 * this.#periodMs ? Infinity : this.#current;
      this.#current = Infinity;
      this.#startedMs = nowMs;
    }
    this.#current = Math.min(this.#current, value);
    return Math.min(this.#previous, this.#current);
  }
}
