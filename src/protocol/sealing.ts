import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { bytesToUtf8, concatBytes, hexToBytes, utf8ToBytes } from '@noble/ciphers/utils.js';
import * as v from 'valibot';
import { PeerceptronError } from '../shared/errors.ts';
import { isHex128, toHex, type PeerId, type RoomId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { SIGNALING_MAX_PAYLOAD_LENGTH } from './signaling.ts';

/** Layout of the envelope. Not the protocol version: peers of different versions must get as far as HELLO to say so. */
export const SEALING_VERSION = 1;

/** What a sealed message is for. `knock` asks for a connection; the receiver's nonce is not known yet. */
export type SealedKind = 'knock' | 'reply' | 'confirm' | 'signal';

/** 32 lower-case hex digits, fresh for every attempt to connect; each side brings one. */
export type ConnectionNonce = string;

/** In place of the receiver's nonce in a knock. */
export const NO_NONCE: ConnectionNonce = '0'.repeat(32);

/** The part of a sealed message that is in the clear. Believe it only after `openSealed`. */
export interface Envelope {
  readonly kind: SealedKind;
  /** Counts from 0 per sender and pair of nonces. */
  readonly sequence: number;
  readonly senderNonce: ConnectionNonce;
  readonly receiverNonce: ConnectionNonce;
  readonly aeadNonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Who talks to whom about which connection: with the envelope's fields, the associated data. */
export interface SealedRoute {
  readonly key: Uint8Array;
  readonly room: RoomId;
  readonly sender: PeerId;
  readonly receiver: PeerId;
}

const KINDS: readonly SealedKind[] = ['knock', 'reply', 'confirm', 'signal'];
const AEAD_NONCE_BYTES = 24;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + 1 + 4 + 16 + 16 + AEAD_NONCE_BYTES;
const CONTEXT = utf8ToBytes('peerceptron seal');

const uint32 = (value: number): Uint8Array =>
  Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255);

function associatedData(
  route: SealedRoute,
  envelope: Pick<Envelope, 'kind' | 'sequence' | 'senderNonce' | 'receiverNonce'>,
): Uint8Array {
  // Every part has a fixed size, so no two contexts give the same bytes.
  return concatBytes(
    CONTEXT,
    Uint8Array.of(SEALING_VERSION, KINDS.indexOf(envelope.kind), route.sender < route.receiver ? 0 : 1),
    uint32(envelope.sequence),
    hexToBytes(route.room),
    hexToBytes(route.sender),
    hexToBytes(route.receiver),
    hexToBytes(envelope.senderNonce),
    hexToBytes(envelope.receiverNonce),
  );
}

/** Seals `body` (JSON) for the relay: opaque base64url. */
export function sealMessage(
  route: SealedRoute,
  header: Pick<Envelope, 'kind' | 'sequence' | 'senderNonce' | 'receiverNonce'>,
  body: unknown,
  randomBytes: RandomBytes,
): string {
  const aeadNonce = randomBytes(AEAD_NONCE_BYTES);
  const ciphertext = xchacha20poly1305(route.key, aeadNonce, associatedData(route, header)).encrypt(
    utf8ToBytes(JSON.stringify(body)),
  );
  const text = encodeBase64url(
    concatBytes(
      Uint8Array.of(SEALING_VERSION, KINDS.indexOf(header.kind)),
      uint32(header.sequence),
      hexToBytes(header.senderNonce),
      hexToBytes(header.receiverNonce),
      aeadNonce,
      ciphertext,
    ),
  );
  if (text.length > SIGNALING_MAX_PAYLOAD_LENGTH)
    throw new PeerceptronError('PROTOCOL_LIMIT', 'A connection description is too large for signaling.');
  return text;
}

/** @throws PROTOCOL_MALFORMED */
export function readEnvelope(text: string): Envelope {
  const bytes = text.length <= SIGNALING_MAX_PAYLOAD_LENGTH ? decodeBase64url(text) : undefined;
  const kind = bytes && KINDS[bytes[1] ?? 255];
  if (!bytes || bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== SEALING_VERSION || !kind)
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'A sealed signaling message has no valid envelope.');
  return {
    kind,
    sequence: (bytes[2]! | (bytes[3]! << 8) | (bytes[4]! << 16) | (bytes[5]! << 24)) >>> 0,
    senderNonce: toHex(bytes.subarray(6, 22)),
    receiverNonce: toHex(bytes.subarray(22, 38)),
    aeadNonce: bytes.subarray(38, HEADER_BYTES),
    ciphertext: bytes.subarray(HEADER_BYTES),
  };
}

/** The body, as unknown JSON. @throws AUTH_FAILED when it was not sealed for exactly this route and place */
export function openSealed(route: SealedRoute, envelope: Envelope): unknown {
  let plain: Uint8Array;
  try {
    plain = xchacha20poly1305(route.key, envelope.aeadNonce, associatedData(route, envelope)).decrypt(
      envelope.ciphertext,
    );
  } catch (cause) {
    throw new PeerceptronError(
      'AUTH_FAILED',
      'A signaling message was not sealed with this room’s secret, or was changed on its way.',
      { cause },
    );
  }
  try {
    return JSON.parse(bytesToUtf8(plain)) as unknown;
  } catch (cause) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'A sealed signaling message holds no JSON.', { cause });
  }
}

/**
 * One side of a sealed conversation about one connection, once both nonces are known. Numbers what it seals and opens
 * only what is newer than all it has opened: replays and reordering are refused, losses are not.
 */
export class SealedLine {
  readonly #outgoing: SealedRoute;
  readonly #incoming: SealedRoute;
  readonly ownNonce: ConnectionNonce;
  readonly peerNonce: ConnectionNonce;
  readonly #randomBytes: RandomBytes;
  #nextSequence = 0;
  #lastOpened = -1;

  constructor(options: {
    readonly key: Uint8Array;
    readonly room: RoomId;
    readonly self: PeerId;
    readonly peer: PeerId;
    readonly ownNonce: ConnectionNonce;
    readonly peerNonce: ConnectionNonce;
    readonly randomBytes: RandomBytes;
  }) {
    if (!isHex128(options.ownNonce) || !isHex128(options.peerNonce))
      throw new PeerceptronError('INTERNAL', 'connection nonces are 32 hex digits');
    const { key, room, self, peer } = options;
    this.#outgoing = { key, room, sender: self, receiver: peer };
    this.#incoming = { key, room, sender: peer, receiver: self };
    this.ownNonce = options.ownNonce;
    this.peerNonce = options.peerNonce;
    this.#randomBytes = options.randomBytes;
  }

  seal(kind: Exclude<SealedKind, 'knock'>, body: unknown): string {
    const header = {
      kind,
      sequence: this.#nextSequence++,
      senderNonce: this.ownNonce,
      receiverNonce: this.peerNonce,
    };
    return sealMessage(this.#outgoing, header, body, this.#randomBytes);
  }

  /** Whether the envelope claims to belong here. */
  matches(envelope: Envelope): boolean {
    return envelope.senderNonce === this.peerNonce && envelope.receiverNonce === this.ownNonce;
  }

  /** @throws AUTH_FAILED, PROTOCOL_ORDER (a replay, or out of order), PROTOCOL_MALFORMED */
  open(envelope: Envelope): unknown {
    if (!this.matches(envelope))
      throw new PeerceptronError('AUTH_FAILED', 'A signaling message belongs to another connection.');
    const body = openSealed(this.#incoming, envelope);
    // After authentication: a forged number must not shut out the real one.
    if (envelope.sequence <= this.#lastOpened)
      throw new PeerceptronError('PROTOCOL_ORDER', 'A signaling message came twice or out of order.');
    this.#lastOpened = envelope.sequence;
    return body;
  }
}

const sdp = v.pipe(v.string(), v.maxLength(32 * 1024));
const signalSchema = v.variant('type', [
  v.strictObject({ type: v.picklist(['offer', 'answer']), sdp }),
  v.strictObject({
    type: v.literal('candidate'),
    candidate: v.pipe(v.string(), v.maxLength(2048)),
    sdpMid: v.nullable(v.pipe(v.string(), v.maxLength(64))),
    sdpMLineIndex: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff))),
  }),
]);

/** The body of a `signal`; nothing else reaches WebRTC. */
export type SignalBody = v.InferOutput<typeof signalSchema>;

/** @throws PROTOCOL_MALFORMED */
export function parseSignalBody(body: unknown): SignalBody {
  const result = v.safeParse(signalSchema, body);
  if (result.success) return result.output;
  throw new PeerceptronError(
    'PROTOCOL_MALFORMED',
    'A sealed signal is neither an offer, nor an answer, nor a candidate.',
  );
}
