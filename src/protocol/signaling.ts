import * as v from 'valibot';
import { asPeerId, asRoomId, isHex128 } from '../shared/ids.ts';
import { isErrorCode, PeerceptronError, type ErrorCode } from '../shared/errors.ts';

/** Version of the talk between client and signaling server; peers compare `PROTOCOL_VERSION` among themselves. */
export const SIGNALING_VERSION = 1;
/** Largest message in either direction, in bytes of UTF-8. */
export const SIGNALING_MAX_MESSAGE_BYTES = 64 * 1024;
/** Largest sealed payload in letters; leaves room for the envelope. */
export const SIGNALING_MAX_PAYLOAD_LENGTH = 60 * 1024;
/** More members than any room may have; a server that announces more is not believed. */
export const SIGNALING_MAX_MEMBERS = 1024;

const hex128 = v.pipe(v.string(), v.check(isHex128, 'expected 32 hex digits'));
const peer = v.pipe(hex128, v.transform(asPeerId));
const room = v.pipe(hex128, v.transform(asRoomId));
const version = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));
const payload = v.pipe(
  v.string(),
  v.maxLength(SIGNALING_MAX_PAYLOAD_LENGTH),
  v.regex(/^[A-Za-z0-9_-]*$/, 'expected base64url'),
);
/** A newer server may know codes that this client does not. */
const errorCode = v.pipe(
  v.string(),
  v.maxLength(64),
  v.transform((code): ErrorCode => (isErrorCode(code) ? code : 'SIGNALING_REFUSED')),
);
const iceServer = v.strictObject({
  urls: v.pipe(v.array(v.pipe(v.string(), v.maxLength(512))), v.minLength(1), v.maxLength(8)),
  username: v.exactOptional(v.pipe(v.string(), v.maxLength(512))),
  credential: v.exactOptional(v.pipe(v.string(), v.maxLength(512))),
});

const clientSchema = v.variant('type', [
  /** First. `resume` is a random token of the client's own: who shows it again takes over the id from a lost socket. */
  v.strictObject({ type: v.literal('join'), version, room, peer, resume: hex128 }),
  v.strictObject({ type: v.literal('relay'), to: peer, payload }),
  /** Answer to the server's heartbeat. */
  v.strictObject({ type: v.literal('heartbeat') }),
  /** Goodbye: the others hear `member-left` at once. */
  v.strictObject({ type: v.literal('leave') }),
]);

const serverSchema = v.variant('type', [
  v.strictObject({
    type: v.literal('joined'),
    version,
    /** Everyone else in the room. */
    members: v.pipe(v.array(peer), v.maxLength(SIGNALING_MAX_MEMBERS)),
    iceServers: v.pipe(v.array(iceServer), v.maxLength(16)),
    /** The server speaks at least this often; silence of several times that means that it is gone. */
    heartbeatIntervalMs: v.pipe(v.number(), v.minValue(1), v.maxValue(600_000)),
  }),
  v.strictObject({ type: v.literal('member-joined'), peer }),
  v.strictObject({ type: v.literal('member-left'), peer }),
  v.strictObject({ type: v.literal('relay'), from: peer, payload }),
  v.strictObject({ type: v.literal('heartbeat') }),
  /** The server closes the socket after it. */
  v.strictObject({
    type: v.literal('error'),
    code: errorCode,
    message: v.pipe(v.string(), v.maxLength(1000)),
  }),
]);

export type SignalingClientMessage = v.InferOutput<typeof clientSchema>;
export type SignalingServerMessage = v.InferOutput<typeof serverSchema>;

function parse<Schema extends v.GenericSchema>(schema: Schema, text: string): v.InferOutput<Schema> {
  // Letters are at most bytes: what is longer than the limit in letters is longer in bytes.
  if (text.length > SIGNALING_MAX_MESSAGE_BYTES)
    throw new PeerceptronError(
      'PROTOCOL_LIMIT',
      `A signaling message has ${text.length} letters; the limit is ${SIGNALING_MAX_MESSAGE_BYTES}.`,
    );
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'A signaling message is not JSON.', { cause });
  }
  checkVersion(raw);
  const result = v.safeParse(schema, raw, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new PeerceptronError(
    'PROTOCOL_MALFORMED',
    // The issue's message may quote what was received; the path and the kind are enough.
    `A signaling message is malformed at ${v.getDotPath(issue) ?? '(root)'}: expected ${issue.expected ?? issue.type}.`,
  );
}

/** Before the schema: another version may have other fields, and deserves the right sentence. */
function checkVersion(raw: unknown): void {
  if (typeof raw !== 'object' || raw === null || !('type' in raw) || !('version' in raw)) return;
  if (raw.type !== 'join' && raw.type !== 'joined') return;
  if (typeof raw.version !== 'number' || raw.version === SIGNALING_VERSION) return;
  throw new PeerceptronError(
    'PROTOCOL_VERSION',
    `The signaling ${raw.type === 'join' ? 'client' : 'server'} speaks version ${raw.version}, this side version ${SIGNALING_VERSION}. Update the older of the two; a page is updated by reloading it.`,
  );
}

/** @throws PROTOCOL_MALFORMED, PROTOCOL_LIMIT, PROTOCOL_VERSION */
export const parseClientMessage = (text: string): SignalingClientMessage => parse(clientSchema, text);
/** @throws PROTOCOL_MALFORMED, PROTOCOL_LIMIT, PROTOCOL_VERSION */
export const parseServerMessage = (text: string): SignalingServerMessage => parse(serverSchema, text);

export const formatSignalingMessage = (message: SignalingClientMessage | SignalingServerMessage): string =>
  JSON.stringify(message);
