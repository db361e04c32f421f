import type { Capabilities } from '../protocol/messages.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import type { PeerNetwork } from '../transport/channel.ts';
import type { LinkRoute } from '../transport/rtc.ts';

/** Another device in the room, as far as this one knows it. */
export type Member =
  /** The signaling server announced it. */
  | { readonly state: 'announced'; readonly id: PeerId }
  | { readonly state: 'connecting'; readonly id: PeerId }
  /** A channel is up and both sides have proven that they know the room's secret. */
  | {
      readonly state: 'connected';
      readonly id: PeerId;
      readonly capabilities: Capabilities;
      /** Whether packets go from device to device or through a TURN server; absent until, or where, nobody can tell. */
      readonly route?: LinkRoute;
      /** The connection under the channel broke and is being rebuilt; the channel waits. */
      readonly reconnecting?: true;
    }
  /** The last attempt failed, or the link was lost; `channel()` tries again. */
  | { readonly state: 'failed'; readonly id: PeerId; readonly error: PeerceptronError };

export type SignalingState = 'connecting' | 'open' | 'lost' | 'closed';

export type MeshEvent =
  | { readonly type: 'signaling'; readonly state: SignalingState; readonly error?: PeerceptronError }
  | { readonly type: 'member'; readonly member: Member }
  /** The signaling server says that it left, but there is still a connection to it: one of the two is wrong. */
  | { readonly type: 'member-doubtful'; readonly id: PeerId }
  | { readonly type: 'member-left'; readonly id: PeerId }
  /** This device says something else of itself from now on. */
  | { readonly type: 'offered'; readonly capabilities: Capabilities };

/** Bytes of frames, both ways, since the channel came up. */
export interface Traffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** A joined room: who is there, and authenticated channels to them. Made by `joinMesh`. */
export interface Mesh extends PeerNetwork {
  readonly members: ReadonlyMap<PeerId, Member>;
  /** Adds a listener; returns how to remove it. */
  subscribe(listener: (event: MeshEvent) => void): () => void;
  /** What this device says of itself from now on, to those that are connected and to those that will be. */
  offer(capabilities: Capabilities): void;
  /** Undefined where there is no channel. */
  traffic(peer: PeerId): Traffic | undefined;
  /** Of all channels there have been. */
  readonly carried: Traffic;
  /** Says goodbye, closes every channel and the signaling socket. */
  leave(): Promise<void>;
}
