import type { Capabilities } from '../protocol/messages.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import type { PeerNetwork } from '../transport/channel.ts';

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
  | { readonly type: 'member-left'; readonly id: PeerId };

/** A joined room: who is there, and authenticated channels to them. Made by `joinMesh`. */
export interface Mesh extends PeerNetwork {
  readonly members: ReadonlyMap<PeerId, Member>;
  /** Adds a listener; returns how to remove it. */
  subscribe(listener: (event: MeshEvent) => void): () => void;
  /** Says goodbye, closes every channel and the signaling socket. */
  leave(): Promise<void>;
}
