import { PeerceptronError } from '../../src/shared/errors.ts';
import type { Random } from '../../src/shared/random.ts';
import type { PeerLink } from '../../src/transport/peer-link.ts';
import { ResumableLink } from '../../src/transport/resumable-link.ts';
import { SpareMemory } from '../../src/transport/spare-memory.ts';

type Item = { readonly kind: 'message'; readonly bytes: Uint8Array } | { readonly kind: 'close' };

/** One end of a connection that breaks in every way that connections break. Nothing arrives unless `deliver` is called. */
class FlakyEnd implements PeerLink {
  onMessage: ((message: Uint8Array) => void) | undefined;
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  readonly maxMessageBytes: number;
  /** What the other end has sent and this end has not got. */
  readonly arriving: Item[] = [];
  other!: FlakyEnd;
  isOpen = true;
  /** Nothing gets through any more, and nobody is told. */
  isSevered = false;
  /** As a data channel whose connection was destroyed here: no event, but sending throws. */
  refuses = false;

  constructor(maxMessageBytes: number) {
    this.maxMessageBytes = maxMessageBytes;
  }

  send(message: Uint8Array): void {
    if (!this.isOpen || this.refuses) throw new PeerceptronError('LINK_CLOSED', 'the link is closed');
    if (message.length > this.maxMessageBytes) throw new PeerceptronError('PROTOCOL_LIMIT', 'too large');
    if (!this.isSevered) this.other.arriving.push({ kind: 'message', bytes: message.slice() });
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (!this.isSevered) this.other.arriving.push({ kind: 'close' });
    queueMicrotask(() => this.onClose?.(undefined));
  }

  /** This end learns that the connection is gone. */
  fail(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onClose?.(new PeerceptronError('LINK_LOST', 'cut'));
  }

  /** What comes before this end's handshake is over waits. */
  get canDeliver(): boolean {
    const first = this.arriving[0];
    return first !== undefined && (this.onMessage !== undefined || first.kind === 'close');
  }

  deliver(): boolean {
    const item = this.arriving.shift();
    if (item === undefined) return false;
    if (!this.isOpen) return true;
    if (item.kind === 'message') this.onMessage?.(item.bytes);
    else {
      this.isOpen = false;
      this.onClose?.(undefined);
    }
    return true;
  }
}

type Side = 'a' | 'b';
type Cable = Readonly<Record<Side, FlakyEnd>>;

/**
 * Two resumable links over connections that a seeded random cuts and rebuilds: noticed by both sides, by one, or by
 * none until much later; while data is under way, while a link is being resumed, and again and again.
 */
export class FlakyConnection {
  readonly links: Readonly<Record<Side, ResumableLink>>;
  readonly #random: Random;
  readonly #maxMessageBytes: number;
  /** Every connection that may still have something to deliver, the newest last. */
  readonly #cables: Cable[] = [];
  /** A new connection that one or both sides have yet to learn of. */
  #offered: { readonly cable: Cable; readonly waiting: Set<Side> } | undefined;
  #isBroken = false;
  cuts = 0;
  resumes = 0;

  constructor(random: Random, maxMessageBytes = 256 * 1024) {
    this.#random = random;
    this.#maxMessageBytes = maxMessageBytes;
    const cable = this.#newCable();
    const ignore = (): void => undefined;
    const spare = new SpareMemory();
    this.links = {
      a: new ResumableLink(cable.a, spare, ignore),
      b: new ResumableLink(cable.b, spare, ignore),
    };
  }

  get #newest(): Cable {
    return this.#cables.at(-1) as Cable;
  }

  #newCable(): Cable {
    const cable = { a: new FlakyEnd(this.#maxMessageBytes), b: new FlakyEnd(this.#maxMessageBytes) };
    cable.a.other = cable.b;
    cable.b.other = cable.a;
    this.#cables.push(cable);
    if (this.#cables.length > 3) this.#cables.shift();
    return cable;
  }

  /** Delivers at most one message or close; false when there is none anywhere. */
  deliver(): boolean {
    const ends = this.#cables.flatMap(({ a, b }) => [a, b]).filter(({ canDeliver }) => canDeliver);
    return ends[this.#random.integer(Math.max(1, ends.length))]?.deliver() ?? false;
  }

  /** Breaks what is there, in a random way. */
  cut(): void {
    const { a, b } = this.#newest;
    this.cuts += 1;
    this.#isBroken = true;
    const one = this.#random.integer(2) === 0 ? a : b;
    switch (this.#random.integer(5)) {
      case 0: // Both learn of it, what is under way is lost.
        this.#sever();
        a.fail();
        b.fail();
        return;
      case 1: // One learns of it.
        this.#sever();
        one.fail();
        return;
      case 2: // Nobody learns of it.
        this.#sever();
        return;
      case 3: // The channel is closed without a word; what was sent before still arrives.
        one.close();
        return;
      default: // Destroyed at one end, which only notices when it sends.
        this.#sever();
        one.refuses = true;
    }
  }

  /** The next step towards a new connection: makes one, or lets one side go on over it. */
  repair(): void {
    const offered = this.#offered;
    if (offered === undefined || offered.waiting.size === 0) {
      // Now and then one takes the place of a connection that is sound.
      if (!this.#isBroken && this.#random.integer(40) > 0) return;
      this.#isBroken = false;
      this.#offered = { cable: this.#newCable(), waiting: new Set(['a', 'b']) };
      return;
    }
    const sides = [...offered.waiting];
    const side = sides[this.#random.integer(sides.length)] as Side;
    offered.waiting.delete(side);
    // A connection that broke before this side's handshake was over is never heard of.
    if (!offered.cable[side].isOpen) return;
    this.resumes += 1;
    this.links[side].resume(offered.cable[side]);
  }

  /** Rebuilds the connection for good: no faults from here on. */
  settle(): void {
    const cable = this.#newCable();
    this.#offered = undefined;
    this.links.a.resume(cable.a);
    this.links.b.resume(cable.b);
  }

  #sever(): void {
    for (const end of Object.values(this.#newest)) {
      end.isSevered = true;
      end.arriving.length = 0;
    }
  }
}
