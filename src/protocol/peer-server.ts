import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import * as v from 'valibot';
import { PeerceptronError } from '../shared/errors.ts';
import { asPeerId, isHex128, toHex, type RoomId } from '../shared/ids.ts';
import { SIGNALING_MAX_PAYLOAD_LENGTH } from './signaling.ts';

/** A PeerJS server: it gives out ids and passes messages on from one id to another. */
export interface PeerServerAddress {
  /** `wss:` rather than `ws:`. */
  readonly secure: boolean;
  /** With a port where it is not the usual one. */
  readonly host: string;
  /** Begins and ends with `/`. */
  readonly path: string;
  readonly key: string;
}

/** The public server of the PeerJS project. */
export const PUBLIC_PEER_SERVER: PeerServerAddress = {
  secure: true,
  host: '0.peerjs.com',
  path: '/',
  key: 'peerjs',
};

/**
 * A room has so many places on a PeerServer. Every place has an id that only who knows the room can compute; a member takes a
 * free one (the server lets nobody have an id twice), and finds the others by calling all places. Nobody keeps a list, so nobody's
 * loss matters.
 */
export const PLACES = 16;

/** The PeerJS ids of a room's places (rule PS1). */
export function placeIds(room: RoomId): readonly string[] {
  return Array.from({ length: PLACES }, (_, place) => {
    const bytes = hkdf(
      sha256,
      utf8ToBytes(room),
      utf8ToBytes('peerceptron places 1'),
      utf8ToBytes(`place ${place}`),
      16,
    );
    return `pcn${toHex(bytes)}`;
  });
}

/** `token` proves to the server that a reconnect is by the same client. */
export function peerServerUrl(
  { secure, host, path, key }: PeerServerAddress,
  id: string,
  token: string,
): string {
  const query = `key=${encodeURIComponent(key)}&id=${id}&token=${token}&version=1.5.5`;
  return `${secure ? 'wss' : 'ws'}://${host}${path}peerjs?${query}`;
}

const peer = v.pipe(v.string(), v.check(isHex128), v.transform(asPeerId));
const body = v.variant('kind', [
  /** Who is at the sender's place; `answer` asks for the same in return. */
  v.strictObject({ kind: v.literal('present'), peer, answer: v.boolean() }),
  v.strictObject({ kind: v.literal('absent'), peer }),
  v.strictObject({
    kind: v.literal('relay'),
    from: peer,
    to: peer,
    payload: v.pipe(v.string(), v.maxLength(SIGNALING_MAX_PAYLOAD_LENGTH), v.regex(/^[A-Za-z0-9_-]*$/)),
  }),
]);
const serverMessage = v.object({
  type: v.pipe(v.string(), v.maxLength(32)),
  src: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(128)))),
  payload: v.optional(v.unknown()),
});

export type PlaceMessage = v.InferOutput<typeof body>;

export interface PeerServerMessage {
  /** `OPEN`, `ID-TAKEN`, `INVALID-KEY`, `ERROR`, `EXPIRE`, `LEAVE`, and what clients send each other. */
  readonly type: string;
  /** The id that it comes from, or that could not be reached. */
  readonly src: string | undefined;
  /** What another member says; absent where it says nothing that makes sense: anyone can send anything. */
  readonly body: PlaceMessage | undefined;
}

/** What a PeerServer passes on among clients of its own kind; the type in which ours travel. */
const CARRIER = 'CANDIDATE';
const MAX_MESSAGE_LENGTH = 2 * SIGNALING_MAX_PAYLOAD_LENGTH;

/** @throws PROTOCOL_MALFORMED when the server itself does not speak the PeerServer protocol */
export function parsePeerServerMessage(text: string): PeerServerMessage {
  let parsed: unknown;
  try {
    parsed = text.length <= MAX_MESSAGE_LENGTH ? JSON.parse(text) : undefined;
  } catch {
    parsed = undefined;
  }
  const message = v.safeParse(serverMessage, parsed);
  if (!message.success)
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'what answers at the address of the PeerServer is none');
  const { type, src, payload } = message.output;
  const said = type === CARRIER ? v.safeParse(body, payload) : undefined;
  return { type, src: src ?? undefined, body: said?.success ? said.output : undefined };
}

export const formatPlaceMessage = (dst: string, message: PlaceMessage): string =>
  JSON.stringify({ type: CARRIER, dst, payload: message });

export const PEER_SERVER_HEARTBEAT = JSON.stringify({ type: 'HEARTBEAT' });
export const PEER_SERVER_LEAVE = JSON.stringify({ type: 'LEAVE' });
