import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { PeerceptronError } from '../shared/errors.ts';
import { asRoomId, toHex, type RoomId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { PeerServerAddress } from './peer-server.ts';

/** The invitation: who opens `origin` and knows `secret` is in the room. Rules `ROOM-*` of SPEC.md. */
export interface RoomLink {
  /** The page, without fragment, ending in `/`: `https://host:8080/` or `https://host/below/`. */
  readonly origin: string;
  /** 1–40 lower-case letters, digits and dashes; for people, but part of the keys. */
  readonly room: string;
  /** 26–128 letters of `SECRET_ALPHABET`, five bits each. Never sent anywhere. */
  readonly secret: string;
  /** The PeerServer by which members find each other; absent where the page's own server does it. */
  readonly peerServer?: PeerServerAddress;
}

/** Everything that follows from a room link. The server sees `roomId` and nothing else of it. */
export interface RoomKeys {
  readonly roomId: RoomId;
  /** 32 bytes, XChaCha20-Poly1305. */
  readonly sealingKey: Uint8Array;
  /** 32 bytes, HMAC-SHA256. */
  readonly proofKey: Uint8Array;
}

/** Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`, so that a secret can be read aloud and typed. */
export const SECRET_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** 26 × 5 = 130 bits. */
const MIN_SECRET_LENGTH = 26;
const MAX_SECRET_LENGTH = 128;
/** 32 × 5 = 160 bits. */
const NEW_SECRET_LENGTH = 32;
/** How keys are derived; not the protocol version, so that peers of different versions meet and can say so. */
const KEY_SCHEDULE = 'peerceptron room keys 1';

const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const secretPattern = new RegExp(`^[${SECRET_ALPHABET}]{${MIN_SECRET_LENGTH},${MAX_SECRET_LENGTH}}$`);
const originPattern = /^(https?):\/\/([^\s/?#@\\]+)(\/[^\s?#]*)?(?:\?[^\s#]*)?$/i;

const invalid = (why: string): PeerceptronError =>
  new PeerceptronError(
    'ROOM_LINK_INVALID',
    `This is not a room link: ${why}. A room link looks like https://host/#room.secret; copy it whole, with all that follows the #.`,
  );

/**
 * Reads `http(s)://host[:port]/[path]#room.secret`. Upper case in name and secret is forgiven, as are the letters that
 * people mistake (`o` for 0, `i` and `l` for 1).
 * @throws ROOM_LINK_INVALID with what is wrong; the text itself is not repeated, since it may hold the secret
 */
export function parseRoomLink(text: string): RoomLink {
  const link = text.trim();
  const hash = link.indexOf('#');
  if (hash < 0) throw invalid('it has no # part');
  const origin = parseOrigin(link.slice(0, hash));
  const whole = link.slice(hash + 1);
  const { peerServer, rest } = splitPeerServer(whole);
  const fragment = rest.toLowerCase();
  const dot = fragment.indexOf('.');
  if (dot < 0) throw invalid('the part after # has no dot between room name and secret');
  const room = fragment.slice(0, dot);
  if (!namePattern.test(room))
    throw invalid(
      'the room name must be 1 to 40 letters, digits and dashes, and not start or end with a dash',
    );
  const secret = fragment
    .slice(dot + 1)
    .replaceAll('o', '0')
    .replaceAll(/[il]/g, '1');
  if (!secretPattern.test(secret))
    throw invalid(`the secret after the dot must be at least ${MIN_SECRET_LENGTH} letters and digits`);
  return { origin, room, secret, ...(peerServer ? { peerServer } : {}) };
}

/** The link as text: the inverse of `parseRoomLink`. Treat it like a password. */
export function formatRoomLink(link: RoomLink): string {
  return `${link.origin}#${formatPeerServer(link.peerServer)}${link.room}.${link.secret}`;
}

/** `peerjs:[key@]host[:port]/[path/]`, or `peerjs-ws:…` for a server without TLS, in front of the room. */
const peerServerPattern =
  /^(peerjs|peerjs-ws):(?:([A-Za-z0-9_-]{1,64})@)?([A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9a-fA-F:.]+\](?::\d{1,5})?)((?:\/[A-Za-z0-9._~-]{1,64})*\/)([^/]*)$/i;

function splitPeerServer(fragment: string): { peerServer?: PeerServerAddress; rest: string } {
  if (!/^peerjs(-ws)?:/i.test(fragment)) return { rest: fragment };
  const match = peerServerPattern.exec(fragment);
  if (!match) throw invalid('the PeerServer in it must look like peerjs:host/ or peerjs:key@host:port/path/');
  const [, scheme, key = 'peerjs', host, path, rest] = match;
  const secure = scheme!.toLowerCase() === 'peerjs';
  return { peerServer: { secure, host: host!.toLowerCase(), path: path!, key }, rest: rest! };
}

function formatPeerServer(server: PeerServerAddress | undefined): string {
  if (!server) return '';
  const { secure, key, host, path } = server;
  return `${secure ? 'peerjs' : 'peerjs-ws'}:${key === 'peerjs' ? '' : `${key}@`}${host}${path}`;
}

/**
 * A fresh room at `origin` (a page URL; query and fragment are dropped). Without a `name` a random one is made.
 * @throws ROOM_LINK_INVALID for an origin that is not http(s), or a name that cannot stand in a link
 */
export function createRoomLink(
  origin: string,
  randomBytes: RandomBytes,
  name?: string,
  peerServer?: PeerServerAddress,
): RoomLink {
  const room =
    name
      ?.trim()
      .toLowerCase()
      .replaceAll(/[\s_]+/g, '-') ?? randomName(randomBytes);
  if (!namePattern.test(room))
    throw new PeerceptronError(
      'ROOM_LINK_INVALID',
      `“${room.slice(0, 60)}” cannot be a room name: use 1 to 40 letters, digits and dashes.`,
    );
  const hash = origin.indexOf('#');
  return {
    origin: parseOrigin(hash < 0 ? origin.trim() : origin.slice(0, hash).trim()),
    room,
    secret: letters(randomBytes, NEW_SECRET_LENGTH),
    ...(peerServer ? { peerServer } : {}),
  };
}

/** Where the room's server listens for signaling: `signaling` beside the page, over `ws:` or `wss:`. */
export function signalingUrl(link: RoomLink): string {
  return `${link.origin.replace(/^http/, 'ws')}signaling`;
}

/** HKDF-SHA256 of the secret; the salt binds key schedule and room name, so one secret under two names is two rooms. */
export function deriveRoomKeys(link: RoomLink): RoomKeys {
  const salt = utf8ToBytes(`${KEY_SCHEDULE}\n${link.room}`);
  const derive = (info: string, length: number): Uint8Array =>
    hkdf(sha256, utf8ToBytes(link.secret), salt, utf8ToBytes(info), length);
  return {
    roomId: asRoomId(toHex(derive('room id', 16))),
    sealingKey: derive('sealing key', 32),
    proofKey: derive('proof key', 32),
  };
}

function parseOrigin(text: string): string {
  const match = originPattern.exec(text);
  if (!match) throw invalid('it must start with http:// or https:// and a host name');
  const [, scheme, host, path = '/'] = match;
  // `…/index.html` and `…/` are the same page.
  return `${scheme!.toLowerCase()}://${host!.toLowerCase()}${path.slice(0, path.lastIndexOf('/') + 1)}`;
}

function letters(randomBytes: RandomBytes, length: number): string {
  let text = '';
  // 256 is a multiple of 32: the low five bits of a uniform byte are uniform.
  for (const byte of randomBytes(length)) text += SECRET_ALPHABET[byte & 31]!;
  return text;
}

const colours =
  'amber azure coral green ivory olive pearl ruby silver teal umber violet white indigo copper golden';
const animals =
  'badger crane dolphin falcon gecko heron ibex jackal koala lynx marten otter panda raven stoat wren';

function randomName(randomBytes: RandomBytes): string {
  const bytes = randomBytes(2);
  return `${colours.split(' ')[bytes[0]! & 15]!}-${animals.split(' ')[bytes[1]! & 15]!}`;
}
