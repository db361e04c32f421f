import type { PeerceptronError } from '../shared/errors.ts';

/**
 * One open, reliable, ordered, message-oriented connection to one peer. Implementations: simple-peer over WebRTC,
 * an in-memory pair. One contract suite holds for all of them.
 */
export interface PeerLink {
  /** Largest message that the other side takes, in bytes; `send` refuses more with `PROTOCOL_LIMIT`. */
  readonly maxMessageBytes: number;
  /**
   * Queues one message. The bytes are not kept: the caller may reuse the buffer afterwards.
   * @throws LINK_CLOSED, PROTOCOL_LIMIT
   */
  send(message: Uint8Array): void;
  /** One handler each; set before the first `await` after the link was obtained. Messages are handed over in order. */
  onMessage: ((message: Uint8Array) => void) | undefined;
  /** Called once; no error means that either side closed on purpose. */
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  /** Idempotent. What was queued before is still delivered where the implementation can. */
  close(): void;
}
