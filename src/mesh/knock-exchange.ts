import type { RoomKeys } from '../protocol/room-link.ts';
import {
  NO_NONCE,
  openSealed,
  SealedLine,
  sealMessage,
  type ConnectionNonce,
  type Envelope,
} from '../protocol/sealing.ts';
import type { Clock } from '../shared/clock.ts';
import { toHex, type PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import { TokenBucket } from '../shared/token-bucket.ts';

/** A knock may be lost while either side has no signaling: it is repeated, with the same nonce. */
const KNOCK_AGAIN_MS = 3_000;
/** Per member: this many knocks at once, then one per two seconds; a dial knocks five times at most. */
const KNOCK_BURST = 12;
const KNOCKS_PER_SECOND = 0.5;
/** Knocks of others that are answered but not connected yet, over all members. */
const MAX_HALF_OPEN = 64;

export interface KnockExchangeOptions {
  readonly self: PeerId;
  readonly keys: RoomKeys;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly signalingOpen: () => boolean;
  readonly relay: (to: PeerId, payload: string) => void;
  /** An answer that nobody confirms is forgotten after this long. */
  readonly answerLifetimeMs: number;
  readonly events: {
    /** Both sides know both nonces: what follows travels on this line. Ends no knocking by itself. */
    agreed(peer: PeerId, line: SealedLine): void;
    /** Something that claimed to be from `peer` could not be opened. */
    sealFailed(peer: PeerId): void;
  };
}

/** A knock of ours that waits for its reply. */
interface Knock {
  readonly nonce: ConnectionNonce;
  cancelRetry: () => void;
}

/** A knock that was answered and not yet confirmed. Costs no connection: a replayed knock gets no further. */
interface Answer {
  readonly line: SealedLine;
  readonly reply: string;
  readonly cancelExpiry: () => void;
}

interface Member {
  readonly knocks: TokenBucket;
  knock: Knock | undefined;
  answer: Answer | undefined;
}

/**
 * How two members agree on a line: knock(A's nonce) → reply(both nonces) → confirm(both nonces), all sealed. When both
 * sides knock at once, the knock of the lower id stands.
 */
export class KnockExchange {
  readonly #options: KnockExchangeOptions;
  readonly #members = new Map<PeerId, Member>();

  constructor(options: KnockExchangeOptions) {
    this.#options = options;
  }

  /** Knocks at `peer` with a fresh nonce, again and again until `stop`. */
  start(peer: PeerId): void {
    const member = this.#member(peer);
    member.knock?.cancelRetry();
    member.knock = { nonce: toHex(this.#options.randomBytes(16)), cancelRetry: () => undefined };
    this.#send(peer, member.knock);
  }

  stop(peer: PeerId): void {
    const member = this.#members.get(peer);
    member?.knock?.cancelRetry();
    if (member) member.knock = undefined;
  }

  /** Repeats every knock that has no reply yet. */
  repeatAll(): void {
    for (const [peer, { knock }] of this.#members)
      if (knock) {
        knock.cancelRetry();
        this.#send(peer, knock);
      }
  }

  /** An answer that `peer` was given holds no more. */
  forgetAnswer(peer: PeerId): void {
    const member = this.#members.get(peer);
    member?.answer?.cancelExpiry();
    if (member) member.answer = undefined;
  }

  forgetAnswers(): void {
    for (const peer of this.#members.keys()) this.forgetAnswer(peer);
  }

  /** Everything about a member that left. */
  forget(peer: PeerId): void {
    this.stop(peer);
    this.forgetAnswer(peer);
    this.#members.delete(peer);
  }

  onKnock(peer: PeerId, envelope: Envelope): void {
    const { self, keys, clock, answerLifetimeMs, relay, events } = this.#options;
    const known = this.#members.get(peer);
    // Both knock: the lower id's knock stands, and it will be answered.
    if (known?.knock && self < peer) return;
    if (known && !known.knocks.take(1, clock.now())) return;
    try {
      if (envelope.receiverNonce !== NO_NONCE || envelope.sequence !== 0) return;
      openSealed({ key: keys.sealingKey, room: keys.roomId, sender: peer, receiver: self }, envelope);
    } catch {
      return events.sealFailed(peer);
    }
    // Only who knows the room's key takes up memory here.
    const member = this.#member(peer);
    if (!known) member.knocks.take(1, clock.now());
    if (member.answer?.line.peerNonce === envelope.senderNonce) return relay(peer, member.answer.reply);
    if (!member.answer && this.#halfOpen() >= MAX_HALF_OPEN) return;
    this.forgetAnswer(peer);
    const line = this.#line(peer, toHex(this.#options.randomBytes(16)), envelope.senderNonce);
    member.answer = {
      line,
      reply: line.seal('reply', {}),
      cancelExpiry: clock.after(answerLifetimeMs, () => {
        if (member.answer?.line === line) member.answer = undefined;
      }),
    };
    relay(peer, member.answer.reply);
  }

  onReply(peer: PeerId, envelope: Envelope): void {
    const { relay, events } = this.#options;
    const knock = this.#members.get(peer)?.knock;
    if (!knock || envelope.receiverNonce !== knock.nonce) return;
    const line = this.#line(peer, knock.nonce, envelope.senderNonce);
    try {
      line.open(envelope);
    } catch {
      return events.sealFailed(peer);
    }
    // Before anyone speaks on the line: the first signal must not overtake the confirmation.
    relay(peer, line.seal('confirm', {}));
    events.agreed(peer, line);
  }

  onConfirm(peer: PeerId, envelope: Envelope): void {
    const line = this.#members.get(peer)?.answer?.line;
    if (!line?.matches(envelope)) return;
    try {
      line.open(envelope);
    } catch {
      return this.#options.events.sealFailed(peer);
    }
    this.forgetAnswer(peer);
    this.#options.events.agreed(peer, line);
  }

  #member(peer: PeerId): Member {
    let member = this.#members.get(peer);
    if (!member) {
      const knocks = new TokenBucket(KNOCK_BURST, KNOCKS_PER_SECOND, this.#options.clock.now());
      member = { knocks, knock: undefined, answer: undefined };
      this.#members.set(peer, member);
    }
    return member;
  }

  #send(peer: PeerId, knock: Knock): void {
    const { self, keys, randomBytes, clock, relay, signalingOpen } = this.#options;
    if (signalingOpen()) {
      const route = { key: keys.sealingKey, room: keys.roomId, sender: self, receiver: peer };
      const header = {
        kind: 'knock' as const,
        sequence: 0,
        senderNonce: knock.nonce,
        receiverNonce: NO_NONCE,
      };
      relay(peer, sealMessage(route, header, {}, randomBytes));
    }
    knock.cancelRetry = clock.after(KNOCK_AGAIN_MS, () => this.#send(peer, knock));
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

  #halfOpen(): number {
    let count = 0;
    for (const { answer } of this.#members.values()) if (answer) count += 1;
    return count;
  }
}
