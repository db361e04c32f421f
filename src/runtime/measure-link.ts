import type { LinkProfile } from '../planner/world.ts';
import { MAX_PROBE_BYTES } from '../protocol/survey-message.ts';
import type { Clock } from '../shared/clock.ts';
import { median } from '../shared/median.ts';
import type { PeerChannel, StreamSource } from '../transport/channel.ts';
import type { Questions } from './questions.ts';

const ROUND_TRIPS = 5;
const ANSWER_TIMEOUT_MS = 5_000;
const PIECE_BYTES = 1024;
/** At once, as the parts of a tile that go to others; and how often. */
const PIECES = 8;
const PIECE_ROUNDS = 3;
const PIECES_BYTES = PIECE_ROUNDS * PIECES * PIECE_BYTES;
/** There for what runs for the first time, on both sides, which takes many times as long. */
const FIRST_BURST = 64 * 1024;
/** Together with the first one and the pieces they are `MAX_PROBE_BYTES`. */
const BURSTS = [256 * 1024, MAX_PROBE_BYTES - FIRST_BURST - 256 * 1024 - PIECES_BYTES];
/** Of a burst that was cut short: less says nothing that an earlier one has not said. */
const TELLING_BYTES = 64 * 1024;
/** When it takes longer the link is slow, and its speed known well enough. */
const BURST_TIME_MS = 150;
/** Of a burst's time at least, after its round trip is taken off: where a message takes as long as a burst, more cannot be told. */
const LEAST_PART = 0.1;

/** Noise: some paths compress what they carry. */
const noise = new Uint8Array(128 * 1024);
let state = 1;
for (let i = 0; i < noise.length; i++) noise[i] = (state = Math.imul(state, 48_271) >>> 0) >>> 16;

export type MeasuredLink = LinkProfile & Required<Pick<LinkProfile, 'pieceMs'>>;

/** What carries the bytes of this device, on platforms that can tell. */
export interface ConnectionProcessor {
  /** Milliseconds of processor time that all threads but those that compute have taken so far. */
  usedMs(): number;
  /** Processors that they may use at one time: less than 1 where a quota holds them back. */
  cores(): number;
}

/** Of a small message, there and back. */
export async function measureRoundTrip(
  questions: Questions,
  channel: PeerChannel,
  clock: Clock,
): Promise<number> {
  const trips: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++)
    trips.push(await questions.ping(channel, clock, ANSWER_TIMEOUT_MS));
  return median(trips);
}

/**
 * What each of several small pieces that are sent at once adds to a round trip: whoever of the two has more to do with one, all threads that
 * carry it together.
 */
async function measurePiece(
  questions: Questions,
  channel: PeerChannel,
  clock: Clock,
  roundTripMs: number,
): Promise<number> {
  const pieces: number[] = [];
  for (let round = 0; round < PIECE_ROUNDS; round++) {
    const since = clock.now();
    const sent = Array.from({ length: PIECES }, () =>
      channel.sendStream({ kind: 'probe' }, noise.subarray(0, PIECE_BYTES), { priority: 'weight' }),
    );
    await Promise.all(sent);
    await questions.ping(channel, clock, ANSWER_TIMEOUT_MS);
    pieces.push(Math.max(0, clock.now() - since - roundTripMs) / PIECES);
  }
  return median(pieces);
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
  await burst(channel, FIRST_BURST, clock, BURST_TIME_MS);
  await questions.ping(channel, clock, ANSWER_TIMEOUT_MS);
  const roundTripMs = await measureRoundTrip(questions, channel, clock);
  const pieceMs = await measurePiece(questions, channel, clock, roundTripMs);
  let bytesPerMs = 0;
  let totalBytes = 0;
  const usedMs = processor?.usedMs() ?? 0;
  const startedAt = clock.now();
  for (const sizeBytes of BURSTS) {
    const since = clock.now();
    const leftMs = BURST_TIME_MS - (since - startedAt);
    if (leftMs <= 0) break;
    const sentBytes = await burst(channel, sizeBytes, clock, leftMs);
    totalBytes += sentBytes;
    await questions.ping(channel, clock, ANSWER_TIMEOUT_MS);
    const elapsedMs = clock.now() - since;
    const sendingMs = Math.max(elapsedMs - roundTripMs, elapsedMs * LEAST_PART, 1e-3);
    // Whatever else a device does only makes a burst slower.
    if (sentBytes >= TELLING_BYTES || bytesPerMs === 0)
      bytesPerMs = Math.max(bytesPerMs, Math.max(sentBytes, 1) / sendingMs);
  }
  const measured = { roundTripMs, pieceMs, bytesPerMs };
  if (!processor || totalBytes < TELLING_BYTES) return measured;
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
