import { CONNECTION_WINDOW_BYTES } from '../protocol/chunk.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** Two chunks: with less, a link would fall silent while an acknowledgement travels. */
const SMALLEST_WINDOW_BYTES = 128 * 1024;
/** How long an urgent frame may have to wait behind bytes that the link has already taken. */
const QUEUE_TARGET_MS = 10;
/** Estimates older than one to two of these are forgotten. */
const RATE_MEMORY_MS = 2_000;
const ROUND_TRIP_MEMORY_MS = 10_000;
/** Clocks of browsers are coarse; a shorter round trip than this is not believed. */
const SHORTEST_ROUND_TRIP_MS = 0.1;

interface Departure {
  /** Value of `#sent` after this message. */
  readonly endBytes: number;
  readonly atMs: number;
  readonly acknowledgedBytes: number;
}

/**
 * How many bytes of streams may be on their way in one direction. The protocol allows 1 MiB; within that, this side
 * sends only as much as keeps the link busy (bandwidth × round trip, plus 10 ms of queue), because whatever the link
 * has taken can no longer be overtaken by a more urgent frame. Grows from 128 KiB on evidence, at most doubling per round
 * trip. The idea is that of BBR (Cardwell et al., 2016) without its pacing, which would need timers.
 */
export class FlightWindow {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #departures: Departure[] = [];
  readonly #fastest: RecentExtreme;
  readonly #shortest: RecentExtreme;
  #sent = 0;
  #acknowledged = 0;
  #windowBytes = SMALLEST_WINDOW_BYTES;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#fastest = new RecentExtreme(RATE_MEMORY_MS, Math.max);
    this.#shortest = new RecentExtreme(ROUND_TRIP_MEMORY_MS, Math.min);
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  get inFlightBytes(): number {
    return this.#sent - this.#acknowledged;
  }

  /** Whether a message of `sizeBytes` may leave now. */
  admits(sizeBytes: number): boolean {
    return this.inFlightBytes + sizeBytes <= this.#windowBytes;
  }

  sent(sizeBytes: number): void {
    this.#sent += sizeBytes;
    this.#departures.push({
      endBytes: this.#sent,
      atMs: this.#clock.now(),
      acknowledgedBytes: this.#acknowledged,
    });
  }

  /**
   * The receiver has dealt with `total32` bytes since the start, modulo 2^32.
   * @throws PROTOCOL_MALFORMED when that is more than was sent.
   */
  acknowledge(total32: number): void {
    const delta = (total32 - (this.#acknowledged % 2 ** 32)) >>> 0;
    if (delta === 0) return;
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
    if (newest === undefined) return;
    this.#departures.splice(0, passed);
    this.#measure(newest);
  }

  #measure(departure: Departure): void {
    const nowMs = this.#clock.now();
    const roundTripMs = Math.max(SHORTEST_ROUND_TRIP_MS, nowMs - departure.atMs);
    const bytesPerMs = (this.#acknowledged - departure.acknowledgedBytes) / roundTripMs;
    const shortestMs = this.#shortest.add(roundTripMs, nowMs);
    const fastest = this.#fastest.add(bytesPerMs, nowMs);
    const wanted = fastest * Math.max(2 * shortestMs, shortestMs + QUEUE_TARGET_MS);
    this.#windowBytes = Math.min(
      CONNECTION_WINDOW_BYTES,
      Math.max(SMALLEST_WINDOW_BYTES, Math.floor(wanted)),
    );
  }
}

/** The largest or smallest value of the last one to two periods, in constant space. */
class RecentExtreme {
  readonly #periodMs: number;
  readonly #pick: (a: number, b: number) => number;
  #current: number | undefined;
  #previous: number | undefined;
  #startedMs = -Infinity;

  constructor(periodMs: number, pick: (a: number, b: number) => number) {
    this.#periodMs = periodMs;
    this.#pick = pick;
  }

  add(value: number, nowMs: number): number {
    if (nowMs - this.#startedMs >= this.#periodMs) {
      this.#previous = nowMs - this.#startedMs >= 2 * this.#periodMs ? undefined : this.#current;
      this.#current = value;
      this.#startedMs = nowMs;
    } else {
      this.#current = this.#current === undefined ? value : this.#pick(this.#current, value);
    }
    const current = this.#current;
    return this.#previous === undefined ? current : this.#pick(this.#previous, current);
  }
}
