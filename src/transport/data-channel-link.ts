import { PeerceptronError } from '../shared/errors.ts';
import { Inbox } from './inbox.ts';
import type { PeerLink } from './peer-link.ts';

/** What `DataChannelLink` needs of a connection. */
export interface DataChannelPort {
  /** May throw. */
  send(message: Uint8Array<ArrayBuffer>): void;
  /** Sends the text after the last message, and finishes by itself where the other side does not within a second or two. May throw. */
  leave(text: string): void;
  /** Starts to close the channel; then `DataChannelLink.ended` is called. Called more than once. */
  finish(): void;
}

/** The one text message that there is: whoever sent it sends nothing more, and the other side closes the channel. */
export const LEAVE = 'end';

/** What may arrive before the layer above listens. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const MESSAGE_OVERHEAD_BYTES = 256;

/** A `PeerLink` over one open data channel; the adapter feeds it with `received` and `ended`. */
export class DataChannelLink implements PeerLink {
  readonly maxMessageBytes: number;
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  readonly #port: DataChannelPort;
  readonly #inbox = new Inbox<Uint8Array>();
  #waitingBytes = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeReason: PeerceptronError | undefined;

  constructor(port: DataChannelPort, maxMessageBytes: number) {
    this.#port = port;
    this.maxMessageBytes = maxMessageBytes;
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
      // Some implementations answer with a silent close, so it must not get that far.
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `a message of ${message.length} bytes is larger than the ${this.maxMessageBytes} that the link takes`,
      );
    }
    try {
      this.#port.send(message as Uint8Array<ArrayBuffer>);
    } catch (thrown) {
      throw new PeerceptronError('LINK_CLOSED', `the data channel takes no more: ${String(thrown)}`, {
        cause: thrown,
      });
    }
  }

  close(): void {
    this.#close(undefined);
  }

  /** A message arrived; text is `LEAVE`, or nothing that this protocol knows. */
  received(message: Uint8Array | string | undefined): void {
    if (message === LEAVE && this.#state !== 'closed') {
      // Both sides have stopped sending: closing a channel that the other side sends on crashes it where it is `wrtc`.
      this.#state = 'closing';
      this.#port.finish();
      return;
    }
    if (this.#state !== 'open') return;
    if (typeof message !== 'object') {
      this.#close(new PeerceptronError('PROTOCOL_MALFORMED', 'the other side sent text instead of bytes'));
      return;
    }
    if (this.#inbox.handler === undefined) {
      this.#waitingBytes += message.length + MESSAGE_OVERHEAD_BYTES;
      if (this.#waitingBytes > MAX_WAITING_BYTES) {
        this.#close(
          new PeerceptronError('PROTOCOL_LIMIT', 'the other side sent too much before anyone listened'),
        );
        return;
      }
    }
    this.#inbox.push(message);
  }

  /** The channel is gone. A close that this side asked for is no loss, whatever the platform calls it. */
  ended(error: PeerceptronError | undefined): void {
    if (this.#state === 'closed') return;
    const reason = this.#state === 'closing' ? this.#closeReason : error;
    this.#state = 'closed';
    this.onClose?.(reason);
  }

  #close(reason: PeerceptronError | undefined): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closeReason = reason;
    try {
      this.#port.leave(LEAVE);
    } catch {
      this.#port.finish();
    }
  }
}
