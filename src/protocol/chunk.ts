import { PeerceptronError } from '../shared/errors.ts';
import { HEADER_BYTES } from './frame.ts';

/**
 * Largest message of a frame, header included. Every message costs both sides some 20 µs, whatever its size, so a fast link
 * wants large ones.
 */
export const FRAME_BYTES = 128 * 1024;
/** Chunks on a link whose window is small: an urgent frame gets in sooner, and the window is filled evenly. */
export const SMALL_FRAME_BYTES = 16 * 1024;
/** A link whose messages are smaller than this cannot carry the protocol: OPEN metadata must fit one message. */
export const MIN_LINK_MESSAGE_BYTES = 1024;
/** Bytes of a stream that its sender may send before the receiver has granted any. */
export const INITIAL_CREDIT_BYTES = 256 * 1024;
/** How far beyond the bytes already copied a receiver grants, once it knows where the stream goes. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;
/** A receiver grants more as soon as this much was copied since its last grant, or when it acknowledges anyway. */
export const GRANT_STEP_BYTES = 512 * 1024;
/** Message bytes (OPEN and DATA, headers included) of one direction that may be unacknowledged at once. */
export const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** A receiver acknowledges as soon as this much is owed. A sender with a smaller window asks for more (rule CR5). */
export const ACKNOWLEDGE_STEP_BYTES = 512 * 1024;
/** Largest control message, encoded: a PREPARE holds a graph and a plan. */
export const MAX_CONTROL_BYTES = 4 * 1024 * 1024;
/** Fragments of a control message, the last one aside, are at least this long: otherwise their number would be unbounded. */
export const MIN_FRAGMENT_BYTES = MIN_LINK_MESSAGE_BYTES - HEADER_BYTES;
/** Largest stream: offsets are 32 bits wide, and typed arrays of 2 GiB are the limit of some platforms. */
export const MAX_STREAM_BYTES = 2 ** 31 - 1;

/**
 * Payload bytes of a full chunk on a link whose messages may have `maxMessageBytes`.
 * @throws PROTOCOL_LIMIT when the link takes only messages that are too small for this protocol.
 */
export function chunkPayloadBytes(maxMessageBytes: number): number {
  if (maxMessageBytes < MIN_LINK_MESSAGE_BYTES) {
    throw new PeerceptronError(
      'PROTOCOL_LIMIT',
      `the link takes messages of at most ${maxMessageBytes} bytes; the protocol needs ${MIN_LINK_MESSAGE_BYTES}`,
    );
  }
  return Math.min(FRAME_BYTES, maxMessageBytes) - HEADER_BYTES;
}
