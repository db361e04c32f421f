import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { Inbox } from './inbox.ts';
import type { PeerLink } from './peer-link.ts';

export interface MemoryPairOptions {
  /** Default 256 KiB, as WebRTC has it. */
  readonly maxMessageBytes?: number;
  /** One-way delay, kept by `clock`. */
  readonly latencyMs?: number;
  readonly clock?: Clock;
  /**
   * Runs one delivery later, in order of the calls. The default is a microtask; tests that decide themselves when
   * something arrives pass their own queue. Not together with `latencyMs`.
   */
  readonly schedule?: (deliver: () => void) => void;
}

export interface MemoryPair {
  readonly a: PeerLink;
  readonly b: PeerLink;
  /** Fault injection: both sides lose the link with `LINK_LOST`; what is under way is lost. */
  drop(): void;
}

type Item = { readonly kind: 'message'; readonly bytes: Uint8Array } | { readonly kind: 'close' };

/** Two links of one process, connected to each other; never delivers within `send`. */
export function createMemoryPair(options: MemoryPairOptions = {}): MemoryPair {
  const { latencyMs, clock, maxMessageBytes = 256 * 1024 } = options;
  // Called as a method of the link, which browsers would not have of the function itself.
  let schedule = options.schedule ?? ((deliver: () => void): void => queueMicrotask(deliver));
  if (latencyMs !== undefined) {
    if (clock === undefined) throw new PeerceptronError('USAGE', 'latencyMs needs a clock');
    schedule = (deliver) => void clock.after(latencyMs, deliver);
  }
  const a = new MemoryLink(maxMessageBytes, schedule);
  const b = new MemoryLink(maxMessageBytes, schedule);
  a.other = b;
  b.other = a;
  const drop = (): void => {
    for (const link of [a, b]) {
      link.end(new PeerceptronError('LINK_LOST', 'the in-memory link was dropped'));
    }
  };
  return { a, b, drop };
}

class MemoryLink implements PeerLink {
  other!: MemoryLink;
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  readonly maxMessageBytes: number;
  readonly #schedule: (deliver: () => void) => void;
  readonly #inbox = new Inbox<Uint8Array>();
  readonly #underWay: Item[] = [];
  /** `closing`: closed by this side, its `onClose` is still to come. */
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(maxMessageBytes: number, schedule: (deliver: () => void) => void) {
    this.maxMessageBytes = maxMessageBytes;
    this.#schedule = schedule;
  }

  get onMessage(): ((message: Uint8Array) => void) | undefined {
    return this.#inbox.handler;
  }

  set onMessage(handler: ((message: Uint8Array) => void) | undefined) {
    this.#inbox.handler = handler;
  }

  send(message: Uint8Array): void {
    if (this.#state !== 'open') throw new PeerceptronError('LINK_CLOSED', 'the link is closed');
    if (message.length > this.maxMessageBytes) {
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `a message of ${message.length} bytes is larger than the ${this.maxMessageBytes} that the link takes`,
      );
    }
    this.#post({ kind: 'message', bytes: message.slice() });
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#post({ kind: 'close' });
    queueMicrotask(() => this.end(undefined));
  }

  end(error: PeerceptronError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.onClose?.(error);
  }

  #post(item: Item): void {
    this.#underWay.push(item);
    this.#schedule(() => this.#deliver());
  }

  #deliver(): void {
    const item = this.#underWay.shift();
    if (item === undefined || this.other.#state !== 'open') return;
    if (item.kind === 'close') this.other.end(undefined);
    else this.other.#inbox.push(item.bytes);
  }
}
