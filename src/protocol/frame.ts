import { PeerceptronError } from '../shared/errors.ts';
import { PROTOCOL_VERSION } from './messages.ts';

/** Every frame starts with this many bytes; SPEC.md section FR gives the layout. */
export const HEADER_BYTES = 20;

const TYPE_CODES = { control: 1, open: 2, data: 3, credit: 4, cancel: 5, close: 6 } as const;
export type FrameType = keyof typeof TYPE_CODES;
const TYPE_NAMES: readonly (FrameType | undefined)[] = [
  undefined,
  'control',
  'open',
  'data',
  'credit',
  'cancel',
  'close',
];

/** On CONTROL: the last fragment of its message. */
export const FLAG_LAST = 1;
/** On CANCEL: sent by the receiver of the stream, so `stream` counts the other side's streams. */
export const FLAG_BY_RECEIVER = 1;

/** On OPEN and DATA: the receiver acknowledges as soon as it has dealt with this message. On CREDIT: it answers with one at once. */
export const FLAG_ACKNOWLEDGE = 1;

/** Values of the priority byte. Frames that belong to no stream carry 0. */
export const PRIORITY = { none: 0, activation: 1, weight: 2 } as const;

/** The header's fields as SPEC.md names them; the meaning of `offset` depends on the type. */
export interface FrameHeader {
  readonly type: FrameType;
  readonly flags: number;
  readonly priority: number;
  /** Counts the streams of its sender from 1; 0 on frames that belong to the whole link. */
  readonly stream: number;
  /** Counts every frame of one direction from 0, modulo 2^32. */
  readonly sequence: number;
  /** CONTROL, DATA: position in bytes. OPEN: total bytes of the stream. CREDIT: bytes of the stream that may be sent in all. */
  readonly offset: number;
}

export interface Frame extends FrameHeader {
  /** A view of the received message, not a copy. */
  readonly payload: Uint8Array;
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
export { isLittleEndian };

/**
 * Writes header and payload to the start of `target` and returns that part of it.
 * @throws INTERNAL when `target` is too short: buffers are sized by the caller.
 */
export function writeFrame(target: Uint8Array, header: FrameHeader, payload: Uint8Array): Uint8Array {
  const sizeBytes = HEADER_BYTES + payload.length;
  if (target.length < sizeBytes) {
    throw new PeerceptronError(
      'INTERNAL',
      `a frame of ${sizeBytes} bytes does not fit a buffer of ${target.length}`,
    );
  }
  const view = new DataView(target.buffer, target.byteOffset, HEADER_BYTES);
  view.setUint8(0, PROTOCOL_VERSION);
  view.setUint8(1, TYPE_CODES[header.type]);
  view.setUint8(2, header.flags);
  view.setUint8(3, header.priority);
  view.setUint32(4, header.stream, true);
  view.setUint32(8, header.sequence, true);
  view.setUint32(12, header.offset, true);
  view.setUint32(16, payload.length, true);
  target.set(payload, HEADER_BYTES);
  return target.subarray(0, sizeBytes);
}

export function encodeFrame(header: FrameHeader, payload: Uint8Array): Uint8Array {
  return writeFrame(new Uint8Array(HEADER_BYTES + payload.length), header, payload);
}

/**
 * Reads the frames of one message of a link, one after the other. Everything that a header alone can get wrong is refused here;
 * what depends on the state of a stream is refused by the channel.
 * @throws PROTOCOL_VERSION (another version), PROTOCOL_MALFORMED; where it comes to the frame at fault
 */
export function* decodeFrames(message: Uint8Array): Generator<Frame, void, undefined> {
  let start = 0;
  do {
    const frame = decodeFrame(message.subarray(start));
    yield frame;
    start += HEADER_BYTES + frame.payload.length;
  } while (start < message.length);
}

/** The frame at the start of `bytes`. */
function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length < HEADER_BYTES) {
    throw malformed(`a frame of ${bytes.length} bytes is shorter than the header of ${HEADER_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint8(0);
  if (version !== PROTOCOL_VERSION) {
    throw new PeerceptronError(
      'PROTOCOL_VERSION',
      `the other side speaks protocol version ${version}, this one ${PROTOCOL_VERSION}: update the older of the two`,
    );
  }
  const type = TYPE_NAMES[view.getUint8(1)];
  if (type === undefined) throw malformed(`unknown frame type ${view.getUint8(1)}`);
  const length = view.getUint32(16, true);
  if (length > bytes.length - HEADER_BYTES) {
    throw malformed(
      `the header announces ${length} bytes of payload, ${bytes.length - HEADER_BYTES} are left of the message`,
    );
  }
  const frame: Frame = {
    type,
    flags: view.getUint8(2),
    priority: view.getUint8(3),
    stream: view.getUint32(4, true),
    sequence: view.getUint32(8, true),
    offset: view.getUint32(12, true),
    payload: bytes.subarray(HEADER_BYTES, HEADER_BYTES + length),
  };
  const fault = faultOf(frame);
  if (fault !== undefined) throw malformed(`${type}: ${fault}`);
  return frame;
}

/** What each type demands of its fields (rule FR6). */
function faultOf(frame: Frame): string | undefined {
  const { type, flags, priority, stream, offset, payload } = frame;
  const prioritised = type === 'open' || type === 'data';
  const flagged = prioritised || type === 'control' || type === 'cancel' || type === 'credit';
  if (flags > (flagged ? 1 : 0)) return `unknown flags ${flags}`;
  if (prioritised ? priority !== PRIORITY.activation && priority !== PRIORITY.weight : priority !== 0) {
    return `priority ${priority}`;
  }
  const ofStream = prioritised || type === 'cancel';
  if (ofStream && stream === 0) return 'no stream';
  if ((type === 'control' || type === 'close') && stream !== 0) return `stream ${stream}`;
  if ((type === 'cancel' || type === 'close') && offset !== 0) return `offset ${offset}`;
  if (type === 'credit') {
    if (stream === 0 && offset !== 0) return 'credit for no stream';
    if (stream !== 0 && flags !== 0) return `flags ${flags} with a grant`;
    if (payload.length !== 4) return `payload of ${payload.length} bytes`;
  } else if (type !== 'close' && payload.length === 0) return 'empty payload';
  return undefined;
}

function malformed(message: string): PeerceptronError {
  return new PeerceptronError('PROTOCOL_MALFORMED', message);
}
