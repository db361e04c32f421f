import { decode, encode } from '@msgpack/msgpack';
import * as v from 'valibot';
import { isErrorCode, PeerceptronError, type ErrorCode } from '../shared/errors.ts';
import { checkMsgpackShape } from './msgpack-shape.ts';

/** Why a stream was cancelled or a link was ended, as CANCEL and CLOSE carry it. */
export interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
}

const MAX_REASON_CHARACTERS = 500;
const MAX_REASON_BYTES = 4 * MAX_REASON_CHARACTERS + 64;

const reasonSchema = v.strictTuple([
  v.pipe(
    v.string(),
    v.check((code: string) => isErrorCode(code), 'unknown error code'),
    v.transform((code) => code as ErrorCode),
  ),
  v.pipe(v.string(), v.maxLength(MAX_REASON_CHARACTERS)),
]);

/**
 * msgpack, with properties that are `undefined` left out.
 * @throws PROTOCOL_LIMIT when the result is longer than `maxBytes`; `what` names it in the message.
 */
export function encodePayload(value: unknown, maxBytes: number, what: string): Uint8Array {
  const bytes = encode(value, { ignoreUndefined: true });
  if (bytes.length > maxBytes) {
    throw new PeerceptronError(
      'PROTOCOL_LIMIT',
      `${what} has ${bytes.length} bytes, at most ${maxBytes} fit`,
    );
  }
  return bytes;
}

/**
 * Decodes msgpack from the wire. Nothing is allocated on the word of a length prefix: the shape is walked first.
 * @throws PROTOCOL_MALFORMED, PROTOCOL_LIMIT (nested too deeply)
 */
export function decodePayload(bytes: Uint8Array): unknown {
  checkMsgpackShape(bytes);
  const most = bytes.length;
  try {
    return decode(bytes, {
      maxStrLength: most,
      maxBinLength: most,
      maxArrayLength: most,
      maxMapLength: most,
      maxExtLength: 0,
    });
  } catch (thrown) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', `payload is not msgpack: ${String(thrown)}`, {
      cause: thrown,
    });
  }
}

export function encodeReason(reason: Reason): Uint8Array {
  return encode([reason.code, reason.message.slice(0, MAX_REASON_CHARACTERS)]);
}

/** @throws PROTOCOL_MALFORMED, PROTOCOL_LIMIT */
export function decodeReason(bytes: Uint8Array): Reason {
  if (bytes.length > MAX_REASON_BYTES) {
    throw new PeerceptronError(
      'PROTOCOL_LIMIT',
      `a reason has ${bytes.length} bytes, at most ${MAX_REASON_BYTES} are taken`,
    );
  }
  const result = v.safeParse(reasonSchema, decodePayload(bytes));
  if (!result.success) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', `reason: ${result.issues[0].message}`);
  }
  return { code: result.output[0], message: result.output[1] };
}
