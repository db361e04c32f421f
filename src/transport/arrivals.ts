import type { ControlMessage } from '../protocol/messages.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { IncomingStream } from './receive-streams.ts';

export type Arrival =
  | { readonly kind: 'control'; readonly message: ControlMessage; readonly sizeBytes: number }
  | { readonly kind: 'stream'; readonly stream: IncomingStream };

type Handlers = {
  readonly [Kind in Arrival['kind']]: ((arrival: Extract<Arrival, { kind: Kind }>) => void) | undefined;
};

/** What may wait for handlers: enough for every peer that behaves. Streams are bounded by credit and window. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const MAX_WAITING_MESSAGES = 4096;

/**
 * Hands control messages and streams over in the order in which they arrived, also when the handlers are set late:
 * a DROP must not overtake the stream that it is about.
 */
export class Arrivals {
  #handlers: Handlers = { control: undefined, stream: undefined };
  #waiting: Arrival[] = [];
  #waitingBytes = 0;
  #waitingMessages = 0;
  #flushing = false;

  get handlers(): Handlers {
    return this.#handlers;
  }

  /** Whatever waits is handed over in a microtask, so that both handlers can be set first. */
  setHandlers(handlers: Partial<Handlers>): void {
    this.#handlers = { ...this.#handlers, ...handlers };
    if (this.#waiting.length === 0 || this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** @throws PROTOCOL_LIMIT when more waits than any peer needs. */
  push(arrival: Arrival): void {
    const sameKindWaits = this.#waiting.some(({ kind }) => kind === arrival.kind);
    if (!this.#flushing && !sameKindWaits && this.#deliver(arrival)) return;
    this.#waiting.push(arrival);
    if (arrival.kind !== 'control') return;
    this.#waitingBytes += arrival.sizeBytes;
    this.#waitingMessages += 1;
    if (this.#waitingBytes > MAX_WAITING_BYTES || this.#waitingMessages > MAX_WAITING_MESSAGES) {
      throw new PeerceptronError('PROTOCOL_LIMIT', 'too many control messages before anyone listens');
    }
  }

  clear(): void {
    this.#waiting = [];
  }

  /** Arrivals that come while this runs join the end of the queue. */
  #flush(): void {
    let index = 0;
    while (index < this.#waiting.length) {
      const arrival = this.#waiting[index] as Arrival;
      if (this.#handlers[arrival.kind] === undefined) {
        index += 1;
        continue;
      }
      this.#waiting.splice(index, 1);
      if (arrival.kind === 'control') {
        this.#waitingBytes -= arrival.sizeBytes;
        this.#waitingMessages -= 1;
      }
      this.#deliver(arrival);
    }
    this.#flushing = false;
  }

  #deliver(arrival: Arrival): boolean {
    const { control, stream } = this.#handlers;
    if (arrival.kind === 'control') control?.(arrival);
    else stream?.(arrival);
    return this.#handlers[arrival.kind] !== undefined;
  }
}
