import type { RoomKeys } from '../protocol/room-link.ts';
import type { Capabilities } from '../protocol/messages.ts';
import {
  NO_NONCE,
  openSealed,
  readEnvelope,
  SealedLine,
  sealMessage,
  type ConnectionNonce,
  type Envelope,
} from '../protocol/sealing.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, unreachable } from '../shared/errors.ts';
import { shortId, toHex, type PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import { TokenBucket } from '../shared/token-bucket.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { IceServer, OpenRtc } from '../transport/rtc.ts';
import { Attempt, type CreateChannel } from './attempt.ts';
import type { WatchedLink } from './watched-link.ts';
import { explainNoLink } from './why-no-link.ts';

/** A knock may be lost while either side has no signaling: it is repeated, with the same nonce. */
const KNOCK_AGAIN_MS = 3_000;
/** Per member: this many knocks at once, then one per two seconds; a dial knocks five times at most. */
const KNOCK_BURST = 12;
const KNOCKS_PER_SECOND = 0.5;
/** Knocks of others that are answered but not connected yet, over all members. */
const MAX_HALF_OPEN = 64;

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
  phase:
    | { readonly phase: 'knocking'; readonly nonce: ConnectionNonce; cancelRetry: () => void }
    | { readonly phase: 'connecting'; readonly attempt: Attempt };
  sealFailures: number;
}

/** A knock that was answered and not yet confirmed. Costs no connection: a replayed knock gets no further. */
interface Answer {
  readonly line: SealedLine;
  readonly reply: string;
  readonly cancelExpiry: () => void;
}

interface Entry {
  readonly knocks: TokenBucket;
  link: { readonly channel: PeerChannel; readonly watched: WatchedLink } | undefined;
  dial: Dial | undefined;
  answer: Answer | undefined;
}

/**
 * Connections on demand. knock(A's nonce) → reply(both nonces) → confirm(both nonces), all sealed; then offer, answer
 * and candidates under both nonces, the side with the lower id offering; then HELLO on the data channel. When both
 * sides knock at once, the knock of the lower id stands. One connection per pair survives: the newest that was proven.
 */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #entries = new Map<PeerId, Entry>();
  #closed = false;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** The live channel, or the one that is being dialled, or a new dial. */
  channel(peer: PeerId): Promise<PeerChannel> {
    if (this.#closed) return Promise.reject(leftTheRoom());
    const entry = this.#entry(peer);
    if (entry.link) return Promise.resolve(entry.link.channel);
    if (!entry.dial) {
      entry.dial = this.#newDial(peer, {
        phase: 'knocking',
        nonce: toHex(this.#options.randomBytes(16)),
        cancelRetry: () => undefined,
      });
      this.#options.events.connecting(peer);
      this.#knock(peer);
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
    const entry = this.#entries.get(peer);
    if (!entry) return;
    this.#forgetAnswer(entry);
    this.probe(peer);
    if (entry.dial?.phase.phase === 'knocking')
      this.#failDial(
        peer,
        new PeerceptronError('LINK_CLOSED', `Device ${shortId(peer)} left the room before it answered.`),
      );
    if (!this.isBusy(peer)) this.#entries.delete(peer);
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
    for (const [peer, entry] of this.#entries)
      if (entry.dial?.phase.phase === 'knocking') {
        entry.dial.phase.cancelRetry();
        this.#knock(peer);
      }
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
        return this.#onKnock(peer, envelope);
      case 'reply':
        return this.#onReply(peer, envelope);
      case 'confirm':
        return this.#onConfirm(peer, envelope);
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
    for (const [peer, entry] of [...this.#entries]) {
      this.#forgetAnswer(entry);
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
      const knocks = new TokenBucket(KNOCK_BURST, KNOCKS_PER_SECOND, this.#options.clock.now());
      entry = { knocks, link: undefined, dial: undefined, answer: undefined };
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

  #knock(peer: PeerId): void {
    const phase = this.#entries.get(peer)?.dial?.phase;
    if (phase?.phase !== 'knocking') return;
    const { self, keys, randomBytes, clock, relay, signalingOpen } = this.#options;
    if (signalingOpen()) {
      const route = { key: keys.sealingKey, room: keys.roomId, sender: self, receiver: peer };
      const header = {
        kind: 'knock' as const,
        sequence: 0,
        senderNonce: phase.nonce,
        receiverNonce: NO_NONCE,
      };
      relay(peer, sealMessage(route, header, {}, randomBytes));
    }
    phase.cancelRetry = clock.after(KNOCK_AGAIN_MS, () => this.#knock(peer));
  }

  #onKnock(peer: PeerId, envelope: Envelope): void {
    const { self, keys, clock, connectTimeoutMs, relay } = this.#options;
    const known = this.#entries.get(peer);
    // Both knock: the lower id's knock stands, and it will be answered.
    if (known?.dial?.phase.phase === 'knocking' && self < peer) return;
    if (known && !known.knocks.take(1, clock.now())) return;
    try {
      if (envelope.receiverNonce !== NO_NONCE || envelope.sequence !== 0) return;
      openSealed({ key: keys.sealingKey, room: keys.roomId, sender: peer, receiver: self }, envelope);
    } catch {
      return this.#noteSealFailure(peer);
    }
    const entry = this.#entry(peer);
    if (!known) entry.knocks.take(1, clock.now());
    if (entry.answer?.line.peerNonce === envelope.senderNonce) return relay(peer, entry.answer.reply);
    if (!entry.answer && this.#halfOpen() >= MAX_HALF_OPEN) return;
    this.#forgetAnswer(entry);
    const line = this.#line(peer, toHex(this.#options.randomBytes(16)), envelope.senderNonce);
    entry.answer = {
      line,
      reply: line.seal('reply', {}),
      cancelExpiry: clock.after(connectTimeoutMs, () => {
        if (entry.answer?.line === line) entry.answer = undefined;
      }),
    };
    relay(peer, entry.answer.reply);
  }

  #onReply(peer: PeerId, envelope: Envelope): void {
    const phase = this.#entries.get(peer)?.dial?.phase;
    if (phase?.phase !== 'knocking' || envelope.receiverNonce !== phase.nonce) return;
    const line = this.#line(peer, phase.nonce, envelope.senderNonce);
    try {
      line.open(envelope);
    } catch {
      return this.#noteSealFailure(peer);
    }
    // Before the attempt exists: its first signal must not overtake the confirmation.
    this.#options.relay(peer, line.seal('confirm', {}));
    this.#attempt(peer, line);
  }

  #onConfirm(peer: PeerId, envelope: Envelope): void {
    const entry = this.#entries.get(peer);
    const line = entry?.answer?.line;
    if (!entry || !line?.matches(envelope)) return;
    try {
      line.open(envelope);
    } catch {
      return this.#noteSealFailure(peer);
    }
    this.#forgetAnswer(entry);
    this.#attempt(peer, line);
  }

  #line(peer: PeerId, ownNonce: ConnectionNonce, peerNonce: ConnectionNonce): SealedLine {
    const { self, keys, randomBytes } = this.#options;
    return new SealedLine({
      key: keys.sealingKey,
      room: keys.roomId,
      self,
      peer,
      ownNonce,
      peerNonce,
      randomBytes,
    });
  }

  /** Both nonces are known and fresh: this attempt takes the place of whatever was under way. */
  #attempt(peer: PeerId, line: SealedLine): void {
    const { self, keys, capabilities, versions, iceServers, clock, openRtc, createChannel, relay, events } =
      this.#options;
    const entry = this.#entry(peer);
    if (entry.dial?.phase.phase === 'knocking') entry.dial.phase.cancelRetry();
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
    if (dial.phase.phase === 'knocking') dial.phase.cancelRetry();
    else dial.phase.attempt.close();
    this.#options.events.failed(peer, error);
    dial.reject(error);
  }

  #forgetAnswer(entry: Entry): void {
    entry.answer?.cancelExpiry();
    entry.answer = undefined;
  }

  #halfOpen(): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.answer) count += 1;
    return count;
  }

  #noteSealFailure(peer: PeerId): void {
    const dial = this.#entries.get(peer)?.dial;
    if (dial) dial.sealFailures += 1;
  }
}

const leftTheRoom = (): PeerceptronError =>
  new PeerceptronError('LINK_CLOSED', 'This device has left the room; join it again to connect.');
