import type { RoomKeys } from '../protocol/room-link.ts';
import type { Capabilities } from '../protocol/messages.ts';
import { readEnvelope, type Envelope, type SealedLine } from '../protocol/sealing.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, unreachable } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { PeerChannel } from '../transport/channel.ts';
import { SpareMemory } from '../transport/spare-memory.ts';
import type { IceServer, LinkRoute, OpenRtc } from '../transport/rtc.ts';
import { Attempt, type Connection, type CreateChannel } from './attempt.ts';
import { KnockExchange } from './knock-exchange.ts';
import type { Traffic } from './mesh.ts';
import { Reconnection } from './reconnection.ts';
import type { WatchedLink } from './watched-link.ts';
import { explainNoLink } from './why-no-link.ts';

export interface DialerOptions {
  readonly self: PeerId;
  readonly keys: RoomKeys;
  /** What this device says of itself in the HELLO of each attempt. */
  readonly capabilities: () => Capabilities;
  readonly versions: readonly number[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly openRtc: OpenRtc;
  readonly createChannel: CreateChannel;
  readonly connectTimeoutMs: number;
  readonly iceServers: () => readonly IceServer[];
  readonly signalingOpen: () => boolean;
  /** Whether the signaling server lists `peer`. */
  readonly isPresent: (peer: PeerId) => boolean;
  readonly relay: (to: PeerId, payload: string) => void;
  readonly events: {
    /** A connection is being set up, whoever asked for it. */
    connecting(peer: PeerId): void;
    connected(channel: PeerChannel, capabilities: Capabilities): void;
    /** The connection under a channel broke and is being rebuilt, or it is there again. */
    reconnecting(peer: PeerId, isSo: boolean): void;
    /** How the packets of the connection go. */
    routed(peer: PeerId, route: LinkRoute): void;
    failed(peer: PeerId, error: PeerceptronError): void;
    /** A channel that was up is over: with the reason, or nothing after an orderly close. */
    ended(peer: PeerId, error: PeerceptronError | undefined): void;
  };
}

interface Dial {
  readonly promise: Promise<PeerChannel>;
  readonly resolve: (channel: PeerChannel) => void;
  readonly reject: (error: PeerceptronError) => void;
  readonly cancelDeadline: () => void;
  phase: { readonly phase: 'knocking' } | { readonly phase: 'connecting'; readonly attempt: Attempt };
  sealFailures: number;
}

interface Entry {
  link: Connection | undefined;
  /** While `link` has no connection that carries it. */
  reconnection: Reconnection | undefined;
  dial: Dial | undefined;
}

/**
 * Connections on demand. A knock exchange agrees on a line; then offer, answer and candidates under both nonces, the
 * side with the lower id offering; then HELLO on the data channel. One connection per pair survives: the newest that
 * was proven.
 */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #knocks: KnockExchange;
  readonly #spareMemory = new SpareMemory();
  readonly #entries = new Map<PeerId, Entry>();
  /** Channels that are up, or about to end; and what those carried that are over. */
  readonly #carrying = new Set<Traffic>();
  #carried: Traffic = { sentBytes: 0, receivedBytes: 0 };
  #closed = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    const { self, keys, clock, randomBytes, signalingOpen, relay, connectTimeoutMs } = options;
    this.#knocks = new KnockExchange({
      self,
      keys,
      clock,
      randomBytes,
      signalingOpen,
      relay,
      answerLifetimeMs: connectTimeoutMs,
      events: {
        agreed: (peer, line) => this.#attempt(peer, line),
        sealFailed: (peer) => this.#noteSealFailure(peer),
      },
    });
  }

  /** The live channel, or the one that is being dialled, or a new dial. */
  channel(peer: PeerId): Promise<PeerChannel> {
    if (this.#closed) return Promise.reject(leftTheRoom());
    const entry = this.#entry(peer);
    if (entry.link) return Promise.resolve(entry.link.channel);
    if (!entry.dial) {
      this.#options.events.connecting(peer);
      this.#knock(peer, entry);
    }
    return (entry.dial as Dial).promise;
  }

  /** Channels that are up. */
  channels(): PeerChannel[] {
    return [...this.#entries.values()].flatMap(({ link }) => link?.channel ?? []);
  }

  /** What has passed over the channel to `peer` since it came up. */
  traffic(peer: PeerId): Traffic | undefined {
    const resumable = this.#entries.get(peer)?.link?.resumable;
    return resumable && { sentBytes: resumable.sentBytes, receivedBytes: resumable.receivedBytes };
  }

  /** What has passed over all channels there have been. */
  get carried(): Traffic {
    return [...this.#carrying].reduce(plus, this.#carried);
  }

  /** Whether a connection to `peer` is up or being set up. */
  isBusy(peer: PeerId): boolean {
    const entry = this.#entries.get(peer);
    return entry?.link !== undefined || entry?.dial !== undefined;
  }

  /** The signaling server says that `peer` left: its connection, if it lives, knows better, and is asked. */
  memberLeft(peer: PeerId): void {
    this.#knocks.forgetAnswer(peer);
    this.#entries.get(peer)?.reconnection?.memberLeft();
    this.probe(peer);
    if (this.#entries.get(peer)?.dial?.phase.phase === 'knocking')
      this.#failDial(
        peer,
        new PeerceptronError('LINK_CLOSED', `Device ${shortId(peer)} left the room before it answered.`),
      );
    if (this.isBusy(peer)) return;
    this.#entries.delete(peer);
    this.#knocks.forget(peer);
  }

  /** The signaling server lists `peer` (again). */
  memberReturned(peer: PeerId): void {
    this.#entries.get(peer)?.reconnection?.memberReturned();
  }

  /** Lets go of the connection to `peer` unless its program answers within seconds; without the server's word for it, the channel ends. */
  probe(peer: PeerId): void {
    const entry = this.#entries.get(peer);
    const link = entry?.link;
    if (!link || entry?.reconnection) return;
    const { watched, channel, resumable } = link;
    watched.probe(() => {
      if (entry.link !== link || link.watched !== watched) return;
      if (this.#options.isPresent(peer))
        return resumable.suspend(new PeerceptronError('LINK_LOST', 'the device does not answer any more'));
      channel.close(
        new PeerceptronError(
          'LINK_LOST',
          `Device ${shortId(peer)} is gone: it left the signaling server and does not answer any more.`,
        ),
      );
    });
  }

  /** Signaling is back: knocks that went nowhere are worth repeating now. */
  signalingReturned(): void {
    this.#knocks.repeatAll();
  }

  /** A payload that the server relayed, claimed to be from `peer`. What does not fit is ignored: anyone can send it. */
  receive(peer: PeerId, payload: string): void {
    if (this.#closed || peer === this.#options.self) return;
    let envelope: Envelope;
    try {
      envelope = readEnvelope(payload);
    } catch {
      return this.#noteSealFailure(peer);
    }
    switch (envelope.kind) {
      case 'knock':
        return this.#knocks.onKnock(peer, envelope);
      case 'reply':
        return this.#knocks.onReply(peer, envelope);
      case 'confirm':
        return this.#knocks.onConfirm(peer, envelope);
      case 'signal': {
        const phase = this.#entries.get(peer)?.dial?.phase;
        if (phase?.phase !== 'connecting' || !phase.attempt.line.matches(envelope)) return;
        if (!phase.attempt.receive(envelope)) this.#noteSealFailure(peer);
        return;
      }
      default:
        return unreachable(envelope.kind);
    }
  }

  /** Ends every connection in order, and every dial. Resolves when the channels are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing: Promise<unknown>[] = [];
    this.#knocks.forgetAnswers();
    for (const [peer, entry] of [...this.#entries]) {
      if (entry.dial) this.#failDial(peer, leftTheRoom());
      if (entry.link) {
        closing.push(entry.link.channel.closed);
        entry.link.channel.close();
      }
    }
    await Promise.all(closing);
  }

  #entry(peer: PeerId): Entry {
    let entry = this.#entries.get(peer);
    if (!entry) {
      entry = { link: undefined, reconnection: undefined, dial: undefined };
      this.#entries.set(peer, entry);
    }
    return entry;
  }

  #newDial(peer: PeerId, phase: Dial['phase']): Dial {
    let resolve!: Dial['resolve'];
    let reject!: Dial['reject'];
    const promise = new Promise<PeerChannel>((onFulfilled, onRejected) => {
      resolve = onFulfilled;
      reject = onRejected;
    });
    // Dials that the other side asked for have nobody here who waits.
    promise.catch(() => undefined);
    const cancelDeadline = this.#options.clock.after(this.#options.connectTimeoutMs, () => {
      const dial = this.#entries.get(peer)?.dial;
      if (!dial) return;
      const progress =
        dial.phase.phase === 'connecting'
          ? dial.phase.attempt.progress()
          : {
              phase: 'knocking' as const,
              signalingOpen: this.#options.signalingOpen(),
              sealFailures: dial.sealFailures,
            };
      this.#failDial(peer, explainNoLink(peer, progress));
    });
    return { promise, resolve, reject, cancelDeadline, phase, sealFailures: 0 };
  }

  #knock(peer: PeerId, entry: Entry): void {
    entry.dial = this.#newDial(peer, { phase: 'knocking' });
    this.#knocks.start(peer);
  }

  /** Both nonces are known and fresh: this attempt takes the place of whatever was under way. */
  #attempt(peer: PeerId, line: SealedLine): void {
    const { self, keys, capabilities, versions, iceServers, clock, openRtc, createChannel, relay, events } =
      this.#options;
    const entry = this.#entry(peer);
    this.#knocks.stop(peer);
    if (entry.dial?.phase.phase === 'connecting') entry.dial.phase.attempt.close();
    const isCurrent = (): boolean =>
      entry.dial?.phase.phase === 'connecting' && entry.dial.phase.attempt === attempt;
    const attempt: Attempt = new Attempt({
      self,
      peer,
      line,
      proofKey: keys.proofKey,
      capabilities: capabilities(),
      versions,
      iceServers: iceServers(),
      clock,
      openRtc,
      createChannel,
      spareMemory: this.#spareMemory,
      relay: (payload) => relay(peer, payload),
      resumes: () => entry.link?.id,
      onConnected: (connection, theirs) => {
        if (isCurrent()) this.#connected(peer, connection, theirs);
        else connection.channel.close();
      },
      onResumed: (id, watched, route) => {
        if (isCurrent() && entry.link?.id === id) {
          entry.link.route = route;
          this.#resumed(peer, entry.link, watched);
        }
        // What was to go on has ended since HELLO: the other side will ask again, and hear so.
        else watched.close();
      },
      onSuspended: (connection, cause) => this.#suspended(peer, connection, cause),
      onFailed: (error) => {
        if (isCurrent()) this.#failDial(peer, error);
      },
    });
    const phase = { phase: 'connecting' as const, attempt };
    if (entry.dial) {
      entry.dial.phase = phase;
      return;
    }
    entry.dial = this.#newDial(peer, phase);
    if (!entry.link) events.connecting(peer);
  }

  #connected(peer: PeerId, link: Connection, capabilities: Capabilities): void {
    const entry = this.#entry(peer);
    const { dial, link: older } = entry;
    const { channel } = link;
    entry.link = link;
    entry.dial = undefined;
    this.#endReconnection(entry);
    dial?.cancelDeadline();
    // Nobody dials while the link lives: the other side has lost the older one already.
    older?.channel.close(
      new PeerceptronError('LINK_LOST', `Device ${shortId(peer)} connected anew; the older link was dead.`),
    );
    this.#carrying.add(link.resumable);
    void channel.closed.then((error) => {
      this.#carrying.delete(link.resumable);
      this.#carried = plus(this.#carried, link.resumable);
      if (entry.link !== link) return;
      entry.link = undefined;
      if (entry.reconnection && entry.dial?.phase.phase === 'knocking') this.#dropDial(peer, entry.dial);
      this.#endReconnection(entry);
      this.#options.events.ended(peer, error);
    });
    this.#options.events.connected(channel, capabilities);
    dial?.resolve(channel);
    this.#tellRoute(peer, link);
  }

  #suspended(peer: PeerId, link: Connection, cause: PeerceptronError): void {
    const entry = this.#entry(peer);
    const isOver = this.#closed || entry.link !== link;
    // A channel that has ended waits for the other side to close: this is it.
    if (isOver) return link.resumable.end(cause);
    this.#endReconnection(entry);
    entry.reconnection = new Reconnection({
      peer,
      cause,
      clock: this.#options.clock,
      isPresent: this.#options.isPresent(peer),
      dial: () => {
        if (!entry.dial) this.#knock(peer, entry);
      },
      giveUp: (error) => link.resumable.end(error),
    });
    this.#options.events.reconnecting(peer, true);
  }

  #resumed(peer: PeerId, link: Connection, watched: WatchedLink): void {
    const entry = this.#entry(peer);
    const { dial } = entry;
    entry.dial = undefined;
    dial?.cancelDeadline();
    const wasSuspended = entry.reconnection !== undefined;
    this.#endReconnection(entry);
    link.watched = watched;
    if (wasSuspended) this.#options.events.reconnecting(peer, false);
    link.resumable.resume(watched);
    dial?.resolve(link.channel);
    this.#tellRoute(peer, link);
  }

  #tellRoute(peer: PeerId, link: Connection): void {
    const { watched } = link;
    void link.route().then((route) => {
      const isCurrent = this.#entries.get(peer)?.link === link && link.watched === watched;
      if (route && isCurrent) this.#options.events.routed(peer, route);
    });
  }

  #endReconnection(entry: Entry): void {
    entry.reconnection?.stop();
    entry.reconnection = undefined;
  }

  #failDial(peer: PeerId, error: PeerceptronError): void {
    const entry = this.#entries.get(peer);
    const dial = entry?.dial;
    if (!entry || !dial) return;
    this.#dropDial(peer, dial);
    // A channel that lives, or waits for a connection, is not over because one attempt failed.
    if (entry.link) entry.reconnection?.dialFailed();
    else this.#options.events.failed(peer, error);
    dial.reject(error);
  }

  #dropDial(peer: PeerId, dial: Dial): void {
    this.#entry(peer).dial = undefined;
    dial.cancelDeadline();
    if (dial.phase.phase === 'knocking') this.#knocks.stop(peer);
    else dial.phase.attempt.close();
  }

  #noteSealFailure(peer: PeerId): void {
    const dial = this.#entries.get(peer)?.dial;
    if (dial) dial.sealFailures += 1;
  }
}

const plus = (a: Traffic, b: Traffic): Traffic => ({
  sentBytes: a.sentBytes + b.sentBytes,
  receivedBytes: a.receivedBytes + b.receivedBytes,
});

const leftTheRoom = (): PeerceptronError =>
  new PeerceptronError('LINK_CLOSED', 'This device has left the room; join it again to connect.');
