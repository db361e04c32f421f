import { deriveRoomKeys, type RoomLink } from '../protocol/room-link.ts';
import { PROTOCOL_VERSION, type Capabilities } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { asPeerId, shortId, toHex, type PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { PeerChannel } from '../transport/channel.ts';
import { createChannel as createMuxChannel } from '../transport/mux.ts';
import type { IceServer, OpenRtc } from '../transport/rtc.ts';
import type { CreateChannel } from './attempt.ts';
import { Dialer } from './dialer.ts';
import type { Member, Mesh, MeshEvent, SignalingState, Traffic } from './mesh.ts';
import type { OpenSignaling, Signaling } from './signaling-port.ts';

/** Within this time two devices are connected, or know why not. */
const CONNECT_TIMEOUT_MS = 15_000;

export interface JoinMeshOptions {
  readonly link: RoomLink;
  /** What the other devices learn of this one. */
  readonly capabilities: Capabilities;
  /** How members find each other: `signalingByLink` in production. */
  readonly openSignaling: OpenSignaling;
  readonly openRtc: OpenRtc;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** For the first contact with the server, and for every dial. */
  readonly connectTimeoutMs?: number;
  /** Used besides those that the server names. */
  readonly iceServers?: readonly IceServer[];
  /** The multiplexer; another one only in tests. */
  readonly createChannel?: CreateChannel;
  /** Protocol versions to offer; others only in tests. */
  readonly versions?: readonly number[];
}

/**
 * Joins the room of `link` under a fresh random id. Resolves when the signaling server has answered; connections are
 * made when `channel()` asks for them or another member does. From then on the loss of the server ends nothing: the
 * mesh reconnects to it for ever, until `leave()`.
 * @throws SIGNALING_UNREACHABLE after `connectTimeoutMs`; at once ROOM_FULL, PROTOCOL_VERSION, SIGNALING_REFUSED
 */
export function joinMesh(options: JoinMeshOptions): Promise<Mesh> {
  const mesh = new RoomMesh(options);
  return mesh.start(options.clock, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
}

type ConnectedMember = Extract<Member, { state: 'connected' }>;

class RoomMesh implements Mesh {
  readonly self: PeerId;
  onChannel: ((channel: PeerChannel) => void) | undefined;
  readonly #members = new Map<PeerId, Member>();
  /** Whom the signaling server has in the room. */
  readonly #present = new Set<PeerId>();
  readonly #listeners = new Set<(event: MeshEvent) => void>();
  readonly #signaling: Signaling;
  readonly #dialer: Dialer;
  #capabilities: Capabilities;
  /** HELLO of a connection that was being made may have said something else. */
  #hasChanged = false;
  #iceServers: readonly IceServer[] = [];
  #leaving: Promise<void> | undefined;
  /** Until the server has answered for the first time. */
  #starting:
    | { resolve(): void; reject(error: PeerceptronError): void; lastError: PeerceptronError | undefined }
    | undefined;

  constructor(options: JoinMeshOptions) {
    const { clock, randomBytes } = options;
    const keys = deriveRoomKeys(options.link);
    this.#capabilities = options.capabilities;
    this.self = asPeerId(toHex(randomBytes(16)));
    this.#signaling = options.openSignaling({
      link: options.link,
      room: keys.roomId,
      self: this.self,
      clock,
      randomBytes,
      events: {
        state: (state, error) => this.#signalingChanged(state, error),
        joined: (members, iceServers) =>
          this.#joined(members, [...(options.iceServers ?? []), ...iceServers]),
        memberJoined: (peer) => this.#arrived(peer),
        memberLeft: (peer) => this.#departed(peer),
        relay: (from, payload) => this.#dialer.receive(from, payload),
      },
    });
    this.#dialer = new Dialer({
      self: this.self,
      keys,
      capabilities: () => this.#capabilities,
      versions: options.versions ?? [PROTOCOL_VERSION],
      clock,
      randomBytes,
      openRtc: options.openRtc,
      createChannel: options.createChannel ?? (({ link, peer }) => createMuxChannel({ link, peer, clock })),
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      iceServers: () => this.#iceServers,
      signalingOpen: () => this.#signaling.isOpen,
      isPresent: (peer) => this.#present.has(peer),
      relay: (to, payload) => this.#signaling.relay(to, payload),
      events: {
        connecting: (peer) => this.#setMember({ state: 'connecting', id: peer }),
        connected: (channel, capabilities) => {
          this.#setMember({ state: 'connected', id: channel.peer, capabilities });
          if (this.#hasChanged) this.#say(channel);
          this.onChannel?.(channel);
        },
        reconnecting: (peer, isSo) =>
          this.#amend(peer, ({ reconnecting: _, ...member }) => ({
            ...member,
            ...(isSo ? { reconnecting: true } : {}),
          })),
        routed: (peer, route) => this.#amend(peer, (member) => ({ ...member, route })),
        failed: (peer, error) => this.#disconnected(peer, error),
        ended: (peer, error) => this.#disconnected(peer, error),
      },
    });
  }

  async start(clock: Clock, timeoutMs: number): Promise<Mesh> {
    const started = new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject, lastError: undefined };
    });
    const cancelDeadline = clock.after(timeoutMs, () => {
      this.#starting?.reject(
        this.#starting.lastError ??
          new PeerceptronError(
            'SIGNALING_UNREACHABLE',
            `The room’s server did not answer within ${Math.round(timeoutMs / 1000)} s. Check that it runs and that this device can reach it.`,
          ),
      );
    });
    try {
      this.#signaling.start();
      await started;
      return this;
    } catch (thrown) {
      this.#signaling.close();
      throw thrown;
    } finally {
      cancelDeadline();
      this.#starting = undefined;
    }
  }

  get members(): ReadonlyMap<PeerId, Member> {
    return this.#members;
  }

  channel(peer: PeerId): Promise<PeerChannel> {
    if (peer === this.self)
      return Promise.reject(new PeerceptronError('INTERNAL', 'a device does not connect to itself'));
    if (!this.#leaving && !this.#members.has(peer))
      return Promise.reject(
        new PeerceptronError('LINK_CLOSED', `Device ${shortId(peer)} is not in this room (any more).`),
      );
    return this.#dialer.channel(peer);
  }

  subscribe(listener: (event: MeshEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  learned(peer: PeerId, capabilities: Capabilities): void {
    this.#amend(peer, (member) => ({ ...member, capabilities }));
  }

  offer(capabilities: Capabilities): void {
    this.#capabilities = capabilities;
    this.#hasChanged = true;
    for (const channel of this.#dialer.channels()) this.#say(channel);
    this.#emit({ type: 'offered', capabilities });
  }

  traffic(peer: PeerId): Traffic | undefined {
    return this.#dialer.traffic(peer);
  }

  get carried(): Traffic {
    return this.#dialer.carried;
  }

  leave(): Promise<void> {
    // The others learn first that this is on purpose.
    this.#leaving ??= Promise.resolve().then(async () => {
      this.#signaling.close();
      await this.#dialer.close();
    });
    return this.#leaving;
  }

  #emit(event: MeshEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #signalingChanged(state: SignalingState, error: PeerceptronError | undefined): void {
    this.#emit({ type: 'signaling', state, ...(error ? { error } : {}) });
    if (!error || !this.#starting) return;
    this.#starting.lastError = error;
    // A server that says no will say so again; one that cannot be reached yet is worth another try.
    if (error.code !== 'SIGNALING_UNREACHABLE' && error.code !== 'SIGNALING_LOST')
      this.#starting.reject(error);
  }

  #joined(members: readonly PeerId[], iceServers: readonly IceServer[]): void {
    this.#iceServers = iceServers;
    const now = new Set(members);
    for (const peer of [...this.#present])
      if (!now.has(peer)) {
        // It may only be slower to reconnect than this device: a dial goes on.
        this.#present.delete(peer);
        this.#dialer.probe(peer);
        if (!this.#dialer.isBusy(peer)) this.#removeMember(peer);
      }
    for (const peer of members) this.#arrived(peer);
    this.#dialer.signalingReturned();
    this.#starting?.resolve();
  }

  #arrived(peer: PeerId): void {
    if (peer === this.self) return;
    this.#present.add(peer);
    this.#dialer.memberReturned(peer);
    const member = this.#members.get(peer);
    // Whoever comes back after a failure is worth a new try.
    if (!member || member.state === 'failed') this.#setMember({ state: 'announced', id: peer });
  }

  #departed(peer: PeerId): void {
    this.#present.delete(peer);
    this.#dialer.memberLeft(peer);
    // The server's word ends nothing that lives: the channel itself will tell.
    if (!this.#dialer.isBusy(peer)) this.#removeMember(peer);
    else if (this.#members.get(peer)?.state === 'connected')
      this.#emit({ type: 'member-doubtful', id: peer });
  }

  #disconnected(peer: PeerId, error: PeerceptronError | undefined): void {
    if (!this.#present.has(peer)) return this.#removeMember(peer);
    this.#setMember(error ? { state: 'failed', id: peer, error } : { state: 'announced', id: peer });
  }

  #amend(peer: PeerId, change: (member: ConnectedMember) => ConnectedMember): void {
    const member = this.#members.get(peer);
    if (member?.state === 'connected') this.#setMember(change(member));
  }

  #say(channel: PeerChannel): void {
    try {
      channel.sendControl({ type: 'capabilities', capabilities: this.#capabilities });
    } catch {
      // It has just ended; the next HELLO says it.
    }
  }

  #setMember(member: Member): void {
    this.#members.set(member.id, member);
    this.#emit({ type: 'member', member });
  }

  #removeMember(peer: PeerId): void {
    if (!this.#members.delete(peer)) return;
    this.#emit({ type: 'member-left', id: peer });
  }
}
