import type { LinkProfile } from '../planner/world.ts';
import { MAX_PROBE_BYTES } from '../protocol/survey-message.ts';
import type { Clock } from '../shared/clock.ts';
import { median } from '../shared/median.ts';
import type { PeerChannel, StreamSource } from '../transport/channel.ts';
import type { Questions } from './questions.ts';

const ROUND_TRIPS = 5;
const ANSWER_TIMEOUT_MS = 5_000;
const PIECE_BYTES = 1024;
/** Of small pieces, by this link alone and together with others. */
const TRIP_BYTES = 2 * ROUND_TRIPS * PIECE_BYTES;
/** Each long enough for the next to find the link in its stride; together with the pieces they are `MAX_PROBE_BYTES`. */
const BURSTS = [64 * 1024, 256 * 1024, MAX_PROBE_BYTES - 320 * 1024 - TRIP_BYTES];
/** When it takes longer the link is slow, and its speed known well enough. */
const BURST_TIME_MS = 150;
/** Of a burst's time at least, after its round trip is taken off: where a message takes as long as a burst, more cannot be told. */
const LEAST_PART = 0.1;

/** Noise: some paths compress what they carry. */
const noise = new Uint8Array(128 * 1024);
let state = 1;
for (let i = 0; i < noise.length; i++) noise[i] = (state = Math.imul(state, 48_271) >>> 0) >>> 16;

export type LinkTrips = Required<Pick<LinkProfile, 'roundTripMs' | 'pieceMs'>>;
export type MeasuredLink = LinkTrips & LinkProfile;

/** What carries the bytes of this device, on platforms that can tell. */
export interface ConnectionProcessor {
  /** Milliseconds of processor time that all threads but those that compute have taken so far. */
  usedMs(): number;
  /** Processors that they may use at one time: less than 1 where a quota holds them back. */
  cores(): number;
}

/** Small messages and pieces, there and back, with time to come to rest in between. */
export async function measureTrips(
  questions: Questions,
  channel: PeerChannel,
  clock: Clock,
): Promise<LinkTrips> {
  const trips: number[] = [];
  const pieces: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    trips.push(await questions.ping(channel, clock, ANSWER_TIMEOUT_MS));
    const since = clock.now();
    const sent = channel.sendStream({ kind: 'probe' }, noise.subarray(0, PIECE_BYTES), {
      priority: 'weight',
    });
    // Unless the link is busy, all of it went out within the call.
    pieces.push(clock.now() - since);
    await sent;
  }
  return { roundTripMs: median(trips), pieceMs: median(pieces) };
}

/**
 * Small messages and pieces, then bursts of bytes that the other side throws away, at the priority of weights: what runs over the
 * link goes first. A ping behind the last byte comes back when that byte has arrived.
 */
export async function measureLink(
  questions: Questions,
  channel: PeerChannel,
  clock: Clock,
  processor?: ConnectionProcessor,
): Promise<MeasuredLink> {
  const trips = await measureTrips(questions, channel, clock);
  const { roundTripMs } = trips;
  let bytesPerMs = 0;
  let totalBytes = 0;
  let usedMs = 0;
  let startedAt = clock.now();
  for (const [index, sizeBytes] of BURSTS.entries()) {
    const since = clock.now();
    if (index <= 1) {
      // The first burst is there for whatever runs for the first time, on both sides: that takes many times as long.
      startedAt = since;
      usedMs = processor?.usedMs() ?? 0;
      totalBytes = 0;
    }
    const leftMs = BURST_TIME_MS - (since - startedAt);
    if (leftMs <= 0) break;
    const sentBytes = await burst(channel, sizeBytes, clock, leftMs);
    totalBytes += sentBytes;
    await questions.ping(channel, clock, ANSWER_TIMEOUT_MS);
    const elapsedMs = clock.now() - since;
    const sendingMs = Math.max(elapsedMs - roundTripMs, elapsedMs * LEAST_PART, 1e-3);
    // The last burst is the longest, but one that was cut short may be shorter than the one before.
    if (sentBytes >= BURSTS[0]! || bytesPerMs === 0) bytesPerMs = Math.max(sentBytes, 1) / sendingMs;
  }
  const measured = { ...trips, bytesPerMs };
  if (!processor || totalBytes < BURSTS[0]!) return measured;
  const msPerByte = Math.max(0, processor.usedMs() - usedMs) / totalBytes / processor.cores();
  return { ...measured, msPerByte };
}

/** Resolves, when all is sent or time is up, to the bytes that are on their way. */
async function burst(
  channel: PeerChannel,
  totalBytes: number,
  clock: Clock,
  timeMs: number,
): Promise<number> {
  let sentBytes = 0;
  const source: StreamSource = {
    totalBytes,
    read(start, end) {
      sentBytes = Math.max(sentBytes, end);
      return noise.subarray(0, end - start);
    },
  };
  const abort = new AbortController();
  const cancel = clock.after(timeMs, () => abort.abort());
  try {
    await channel.sendStream({ kind: 'probe' }, source, { priority: 'weight', signal: abort.signal });
  } catch (error) {
    // Cut short on purpose; whatever else went wrong is an error.
    if (!abort.signal.aborted) throw error;
  } finally {
    cancel();
  }
  return sentBytes;
}
