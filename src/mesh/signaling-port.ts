import type { PeerceptronError } from '../shared/errors.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerId, RoomId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { RoomLink } from '../protocol/room-link.ts';
import type { IceServer } from '../transport/rtc.ts';
import type { SignalingState } from './mesh.ts';

export interface SignalingEvents {
  state(state: SignalingState, error?: PeerceptronError): void;
  /** After every (re)connect: who else is known to be there now. Others may be announced later. */
  joined(members: readonly PeerId[], iceServers: readonly IceServer[]): void;
  memberJoined(peer: PeerId): void;
  memberLeft(peer: PeerId): void;
  /** `from` is what whoever relays claims; the payload is sealed. */
  relay(from: PeerId, payload: string): void;
}

/**
 * How the members of a room find each other and exchange sealed payloads before they are connected. It is trusted with nothing:
 * whoever relays may lie about members, drop, repeat and forge. Implementations: `signaling-client.ts` (a signaling server of our own),
 * `peer-server-signaling.ts` (any PeerServer). One contract suite holds for both.
 */
export interface Signaling {
  readonly isOpen: boolean;
  /** Connects, and reconnects for ever with a back-off, until `close()`. */
  start(): void;
  /** Sends now, or after the next reconnect if that comes soon. */
  relay(to: PeerId, payload: string): void;
  /** The others hear that this member left. */
  close(): void;
}

export interface SignalingContext {
  readonly link: RoomLink;
  readonly room: RoomId;
  readonly self: PeerId;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly events: SignalingEvents;
}

export type OpenSignaling = (context: SignalingContext) => Signaling;
