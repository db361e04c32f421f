import { decodeReason, encodeReason } from '../protocol/payload.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import { Inbox } from './inbox.ts';
import type { PeerLink } from './peer-link.ts';
import type { SpareMemory } from './spare-memory.ts';
import { Unacknowledged } from './unacknowledged.ts';

/** First bytes of what this layer says itself (rules `RES-*` of SPEC.md). A frame begins with its version instead. */
const ACKNOWLEDGE = 0x2b;
const CONTINUE = 0x3d;
const END = 0x2d;
const ESCAPE = 0x2e;
/** Taken by the layer below for its probes. */
const PROBE = 0x3f;
const ALIVE = 0x21;
const MARKS: ReadonlySet<number | undefined> = new Set([
  ACKNOWLEDGE,
  CONTINUE,
  END,
  ESCAPE,
  PROBE,
  ALIVE,
  undefined,
]);
const COUNT_MESSAGE_BYTES = 5;

/** What arrived is acknowledged at the latest after this much: one small message for sixteen full chunks. */
const ACKNOWLEDGE_STEP_BYTES = 1024 * 1024;
const ACKNOWLEDGE_STEP_MESSAGES = 64;
/** What may arrive before the layer above listens. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const MESSAGE_OVERHEAD_BYTES = 256;

/** Connections that were let go of and are not closed yet: one for each time that a link breaks while it is resumed. */
const MAX_ABANDONED = 4;

type LinkState =
  | { readonly state: 'live'; readonly raw: PeerLink }
  /** No connection; what is sent waits. */
  | { readonly state: 'suspended' }
  /** A new connection is there; the other side's count is not. */
  | { readonly state: 'resuming'; readonly raw: PeerLink }
  /** Closed by this side; `onClose` is still to come. */
  | { readonly state: 'closing' }
  | { readonly state: 'closed' };

/**
 * A link that outlives the connections it runs over. Both sides count messages; what the other side has not
 * acknowledged is kept, and sent again over the next connection from where the other side stopped: every message
 * arrives once and in order, however often connections break. Knows no time: whoever makes connections decides how
 * long a suspended link may wait (`end`).
 */
export class ResumableLink implements PeerLink {
  readonly maxMessageBytes: number;
  /** Of messages of the layer above, in all; those that are sent again count once. */
  sentBytes = 0;
  receivedBytes = 0;
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  readonly #onSuspended: (cause: PeerceptronError) => void;
  readonly #inbox = new Inbox<Uint8Array>();
  readonly #sent: Unacknowledged;
  #waitingBytes = 0;
  /** Messages that arrived, and what of it was not acknowledged yet. */
  #received = 0;
  #owedMessages = 0;
  #owedBytes = 0;
  #state: LinkState;
  /** Connections that this side has let go of and the other side may still be sending on. */
  readonly #abandoned: PeerLink[] = [];

  /**
   * Takes over the handlers of `raw`, which is open. `onSuspended` is called whenever the connection breaks (`LINK_LOST`) or the
   * other side closes it without ending the link (`LINK_CLOSED`), possibly within `send`; the answer is `resume`, sooner or later, or `end`.
   */
  constructor(raw: PeerLink, spare: SpareMemory, onSuspended: (cause: PeerceptronError) => void) {
    this.#sent = new Unacknowledged(spare);
    // A byte for the mark of an escaped message.
    this.maxMessageBytes = raw.maxMessageBytes - 1;
    this.#onSuspended = onSuspended;
    this.#state = { state: 'live', raw };
    this.#adopt(raw);
  }

  get onMessage(): ((message: Uint8Array) => void) | undefined {
    return this.#inbox.handler;
  }

  set onMessage(handler: ((message: Uint8Array) => void) | undefined) {
    this.#inbox.handler = handler;
    this.#waitingBytes = 0;
  }

  /** Whether no connection carries the link at the moment. */
  get isSuspended(): boolean {
    return this.#state.state === 'suspended';
  }

  /** @throws LINK_CLOSED, PROTOCOL_LIMIT (too large, or too much waits for a connection) */
  send(message: Uint8Array): void {
    const { state } = this.#state;
    if (state === 'closing' || state === 'closed')
      throw new PeerceptronError('LINK_CLOSED', 'the link is closed');
    if (message.length > this.maxMessageBytes)
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `a message of ${message.length} bytes is larger than the ${this.maxMessageBytes} that the link takes`,
      );
    this.sentBytes += message.length;
    const kept = this.#sent.keep(MARKS.has(message[0]) ? escaped(message) : message);
    if (this.#state.state === 'live') this.#write(this.#state.raw, kept);
  }

  /** A buffer to write the next message into: sent from there, it is kept without being copied. */
  lend(sizeBytes: number): Uint8Array {
    return this.#sent.lend(sizeBytes);
  }

  close(): void {
    const before = this.#state;
    if (before.state === 'closing' || before.state === 'closed') return;
    this.#state = { state: 'closing' };
    if (before.state === 'suspended') {
      queueMicrotask(() => this.#over(undefined));
      return;
    }
    say(before.raw, Uint8Array.of(END));
    before.raw.onMessage = () => undefined;
    before.raw.onClose = () => this.#over(undefined);
    before.raw.close();
  }

  /** Goes on over `raw`, which both sides have agreed to continue on. Whatever carried the link before is let go. */
  resume(raw: PeerLink): void {
    const before = this.#state;
    if (before.state === 'closing' || before.state === 'closed') return raw.close();
    if (before.state !== 'suspended') this.#abandon(before.raw);
    if (raw.maxMessageBytes <= this.maxMessageBytes) {
      this.#abandon(raw);
      this.end(
        new PeerceptronError('LINK_LOST', 'the new connection takes only smaller messages than the lost one'),
      );
      return;
    }
    this.#state = { state: 'resuming', raw };
    this.#owedMessages = 0;
    this.#owedBytes = 0;
    this.#write(raw, countMessage(CONTINUE, this.#received));
    if (this.#isCarriedBy(raw)) this.#adopt(raw);
  }

  /** The connection looks healthy and is not: lets go of it, as if it had broken. */
  suspend(cause: PeerceptronError): void {
    if (this.#state.state === 'live' || this.#state.state === 'resuming') this.#lost(this.#state.raw, cause);
  }

  /** Nobody will resume it: ends the link, and says why if the other side can still hear it. Idempotent. */
  end(error: PeerceptronError): void {
    const before = this.#state;
    if (before.state === 'live' || before.state === 'resuming') {
      say(before.raw, Uint8Array.of(END, ...encodeReason(error)));
      this.#abandon(before.raw);
    }
    this.#over(error);
  }

  #adopt(raw: PeerLink): void {
    raw.onClose = (error) =>
      this.#lost(
        raw,
        error ?? new PeerceptronError('LINK_CLOSED', 'the connection was closed without a word'),
      );
    raw.onMessage = (message) => this.#receive(raw, message);
  }

  #isCarriedBy(raw: PeerLink): boolean {
    return (this.#state.state === 'live' || this.#state.state === 'resuming') && this.#state.raw === raw;
  }

  #write(raw: PeerLink, message: Uint8Array): void {
    try {
      raw.send(message);
    } catch (thrown) {
      const { message: why } = toPeerceptronError(thrown);
      this.#lost(raw, new PeerceptronError('LINK_LOST', why, { cause: thrown }));
    }
  }

  #lost(raw: PeerLink, cause: PeerceptronError): void {
    if (!this.#isCarriedBy(raw)) return;
    this.#state = { state: 'suspended' };
    this.#abandon(raw);
    this.#onSuspended(cause);
  }

  #receive(raw: PeerLink, message: Uint8Array): void {
    const state = this.#state;
    if (!this.#isCarriedBy(raw)) return;
    try {
      switch (state.state) {
        case 'resuming':
          if (message[0] === END) return this.#endedByOther(raw, message);
          if (message[0] !== CONTINUE)
            throw new PeerceptronError(
              'PROTOCOL_ORDER',
              'the other side went on without saying where it stopped',
            );
          this.#acknowledged(message);
          // It has let go of every older connection by now.
          this.#closeAbandoned();
          this.#state = { state: 'live', raw };
          this.#sendAgain(raw);
          return;
        case 'live':
          if (message[0] === END) this.#endedByOther(raw, message);
          else if (message[0] === ACKNOWLEDGE) this.#acknowledged(message);
          else this.#deliver(raw, message);
          return;
        case 'suspended':
        case 'closing':
        case 'closed':
          return;
        default:
          unreachable(state);
      }
    } catch (thrown) {
      // A violation: the other side is no peer that a link could be resumed with.
      this.end(toPeerceptronError(thrown));
    }
  }

  #deliver(raw: PeerLink, message: Uint8Array): void {
    let content = message;
    if (MARKS.has(message[0])) {
      if (message[0] !== ESCAPE || !MARKS.has(message[1]))
        throw new PeerceptronError(
          'PROTOCOL_MALFORMED',
          `a message that begins with the reserved byte ${message[0]}`,
        );
      content = message.subarray(1);
    }
    if (this.#inbox.handler === undefined) {
      this.#waitingBytes += content.length + MESSAGE_OVERHEAD_BYTES;
      if (this.#waitingBytes > MAX_WAITING_BYTES)
        throw new PeerceptronError('PROTOCOL_LIMIT', 'the other side sent too much before anyone listened');
    }
    this.#received += 1;
    this.receivedBytes += message.length;
    this.#owedMessages += 1;
    this.#owedBytes += message.length;
    if (this.#owedBytes >= ACKNOWLEDGE_STEP_BYTES || this.#owedMessages >= ACKNOWLEDGE_STEP_MESSAGES) {
      this.#owedMessages = 0;
      this.#owedBytes = 0;
      this.#write(raw, countMessage(ACKNOWLEDGE, this.#received));
    }
    this.#inbox.push(content);
  }

  #acknowledged(message: Uint8Array): void {
    if (message.length !== COUNT_MESSAGE_BYTES)
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `a count of messages has ${COUNT_MESSAGE_BYTES} bytes, not ${message.length}`,
      );
    this.#sent.release(new DataView(message.buffer, message.byteOffset).getUint32(1, true));
  }

  #endedByOther(raw: PeerLink, message: Uint8Array): void {
    const reason = message.length === 1 ? undefined : decodeReason(message.subarray(1));
    this.#abandon(raw);
    this.#over(
      reason &&
        new PeerceptronError(reason.code, `the other side ended the link: ${reason.message}`, {
          details: { by: 'remote' },
        }),
    );
  }

  /**
   * Neither listens to `raw` nor sends on it any more. It is closed when the other side does not use it either: libwebrtc's
   * binding for Node crashes when a channel is closed from the other side while it sends.
   */
  #abandon(raw: PeerLink): void {
    raw.onMessage = () => undefined;
    raw.onClose = undefined;
    this.#abandoned.push(raw);
    if (this.#abandoned.length > MAX_ABANDONED) this.#abandoned.shift()?.close();
  }

  #closeAbandoned(): void {
    for (const raw of this.#abandoned.splice(0)) raw.close();
  }

  #sendAgain(raw: PeerLink): void {
    for (const message of this.#sent.messages()) {
      this.#write(raw, message);
      if (!this.#isCarriedBy(raw)) return;
    }
  }

  #over(error: PeerceptronError | undefined): void {
    if (this.#state.state === 'closed') return;
    this.#state = { state: 'closed' };
    this.#sent.clear();
    this.#closeAbandoned();
    this.onClose?.(error);
  }
}

/** The last word on a connection; that it may not be heard any more changes nothing. */
function say(raw: PeerLink, message: Uint8Array): void {
  try {
    raw.send(message);
  } catch {
    // The connection is gone already.
  }
}

function escaped(message: Uint8Array): Uint8Array {
  const wire = new Uint8Array(message.length + 1);
  wire[0] = ESCAPE;
  wire.set(message, 1);
  return wire;
}

function countMessage(mark: number, count: number): Uint8Array {
  const message = new Uint8Array(COUNT_MESSAGE_BYTES);
  message[0] = mark;
  new DataView(message.buffer).setUint32(1, count % 2 ** 32, true);
  return message;
}
