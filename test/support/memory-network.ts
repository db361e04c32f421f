import { createChannel } from '../../src/transport/mux.ts';
import { createMemoryPair, type MemoryPair } from '../../src/transport/memory-pair.ts';
import type { PeerChannel, PeerNetwork } from '../../src/transport/channel.ts';
import { asPeerId, type PeerId } from '../../src/shared/ids.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';

/** `peerIdOf(3)` = 0000…0003: ids that sort by number. */
export const peerIdOf = (index: number): PeerId => asPeerId(index.toString(16).padStart(32, '0'));

/** A room within one process: every member reaches every other over an in-memory link and the real mux. */
export class MemoryRoom {
  readonly #members = new Map<PeerId, MemoryMember>();
  readonly #pairs = new Map<string, MemoryPair>();
  readonly #separated = new Set<string>();
  readonly #openPair: () => MemoryPair;

  /** `openPair` makes each connection's two links. */
  constructor(openPair: () => MemoryPair = createMemoryPair) {
    this.#openPair = openPair;
  }

  join(self: PeerId): MemoryMember {
    const member = new MemoryMember(self, this);
    this.#members.set(self, member);
    return member;
  }

  /** All links of a member break, as when its device dies. */
  kill(peer: PeerId): void {
    for (const [key, pair] of this.#pairs) if (key.includes(peer)) pair.drop();
    this.#members.delete(peer);
  }

  /** From now on these two cannot connect. */
  separate(a: PeerId, b: PeerId): void {
    this.#separated.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  connect(from: MemoryMember, to: PeerId): PeerChannel {
    if (this.#separated.has(`${from.self} ${to}`)) {
      throw new PeerceptronError('LINK_NO_ROUTE', `no route to ${to}`);
    }
    const other = this.#members.get(to);
    if (!other) throw new PeerceptronError('LINK_NO_ROUTE', `${to} is not in the room`);
    const pair = this.#openPair();
    this.#pairs.set(`${from.self} ${to}`, pair);
    const near = createChannel({ link: pair.a, peer: to, defer: queueMicrotask });
    const far = createChannel({ link: pair.b, peer: from.self, defer: queueMicrotask });
    other.adopt(far);
    from.adopt(near);
    return near;
  }
}

export class MemoryMember implements PeerNetwork {
  onChannel: ((channel: PeerChannel) => void) | undefined;
  readonly self: PeerId;
  readonly #room: MemoryRoom;
  readonly #channels = new Map<PeerId, PeerChannel>();

  constructor(self: PeerId, room: MemoryRoom) {
    this.self = self;
    this.#room = room;
  }

  async channel(peer: PeerId): Promise<PeerChannel> {
    return this.#channels.get(peer) ?? this.#room.connect(this, peer);
  }

  adopt(channel: PeerChannel): void {
    this.#channels.set(channel.peer, channel);
    void channel.closed.then(() => this.#channels.delete(channel.peer));
    this.onChannel?.(channel);
  }
}
