import type { RoomKeys } from '../protocol/room-link.ts';
import type { Capabilities } from '../protocol/messages.ts';
import { readEnvelope, type Envelope, type SealedLine } from '../protocol/sealing.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, unreachable } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { IceServer, OpenRtc } from '../transport/rtc.ts';
import { Attempt, type CreateChannel } from './attempt.ts';
import { KnockExchange } from './knock-exchange.ts';
import type { WatchedLink } from './watched-link.ts';
import { explainNoLink } from './why-no-link.ts';

export interface DialerOptions {
  readonly self: PeerId;
  readonly keys: RoomKeys;
  readonly capabilities: Capabilities;
  readonly versions: readonly number[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly openRtc: OpenRtc;
  readonly createChannel: CreateChannel;
  readonly connectTimeoutMs: number;
  readonly iceServers: () => readonly IceServer[];
  readonly signalingOpen: () => boolean;
  readonly relay: (to: PeerId, payload: string) => void;
  readonly events: {
    /** A connection is being set up, whoever asked for it. */
    connecting(peer: PeerId): void;
    connected(channel: PeerChannel, capabilities: Capabilities): void;
    failed(peer: PeerId, error: PeerceptronError): void;
    /** A connection that was up is gone: with the reason, or nothing after an orderly close. */
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
  link: { readonly channel: PeerChannel; readonly watched: WatchedLink } | undefined;
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
  readonly #entries = new Map<PeerId, Entry>();
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
      entry.dial = this.#newDial(peer, { phase: 'knocking' });
      this.#options.events.connecting(peer);
      this.#knocks.start(peer);
    }
    return entry.dial.promise;
  }

  /** Whether a connection to `peer` is up or being set up. */
  isBusy(peer: PeerId): boolean {
    const entry = this.#entries.get(peer);
    return entry?.link !== undefined || entry?.dial !== undefined;
  }

  /** The signaling server says that `peer` left: its connection, if it lives, knows better, and is asked. */
  memberLeft(peer: PeerId): void {
    this.#knocks.forgetAnswer(peer);
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

  /** Ends the connection to `peer` with LINK_LOST unless its program answers within seconds. */
  probe(peer: PeerId): void {
    const link = this.#entries.get(peer)?.link;
    link?.watched.probe(() =>
      link.channel.close(
        new PeerceptronError(
          'LINK_LOST',
          `Device ${shortId(peer)} is gone: it left the signaling server and does not answer any more.`,
        ),
      ),
    );
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
      entry = { link: undefined, dial: undefined };
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
      capabilities,
      versions,
      iceServers: iceServers(),
      clock,
      openRtc,
      createChannel,
      relay: (payload) => relay(peer, payload),
      onConnected: (channel, theirs, watched) => {
        if (isCurrent()) this.#connected(peer, { channel, watched }, theirs);
        else channel.close();
      },
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
    events.connecting(peer);
  }

  #connected(peer: PeerId, link: NonNullable<Entry['link']>, capabilities: Capabilities): void {
    const entry = this.#entry(peer);
    const { dial, link: older } = entry;
    const { channel } = link;
    entry.link = link;
    entry.dial = undefined;
    dial?.cancelDeadline();
    // Nobody dials while the link lives: the other side has lost the older one already.
    older?.channel.close(
      new PeerceptronError('LINK_LOST', `Device ${shortId(peer)} connected anew; the older link was dead.`),
    );
    void channel.closed.then((error) => {
      if (entry.link !== link) return;
      entry.link = undefined;
      this.#options.events.ended(peer, error);
    });
    this.#options.events.connected(channel, capabilities);
    dial?.resolve(channel);
  }

  #failDial(peer: PeerId, error: PeerceptronError): void {
    const entry = this.#entries.get(peer);
    const dial = entry?.dial;
    if (!entry || !dial) return;
    entry.dial = undefined;
    dial.cancelDeadline();
    if (dial.phase.phase === 'knocking') this.#knocks.stop(peer);
    else dial.phase.attempt.close();
    this.#options.events.failed(peer, error);
    dial.reject(error);
  }

  #noteSealFailure(peer: PeerId): void {
    const dial = this.#entries.get(peer)?.dial;
    if (dial) dial.sealFailures += 1;
  }
}

const leftTheRoom = (): PeerceptronError =>
  new PeerceptronError('LINK_CLOSED', 'This device has left the room; join it again to connect.');
