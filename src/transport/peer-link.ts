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
  /**
   * Of links that keep what they send: a buffer for the next message, which is not copied once more when it is sent from
   * there. It belongs to the link after `send`.
   */
  lend?(sizeBytes: number): Uint8Array;
  /**
   * One handler, called in order; the message is its own to keep. What comes before it is set is kept for it, up to a few
   * megabytes.
   */
  onMessage: ((message: Uint8Array) => void) | undefined;
  /** One handler, set before the first `await` after the link was obtained. Called once; no error means that either side closed on purpose. */
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  /**
   * Idempotent. What was queued before is still delivered where the implementation can: libwebrtc throws away what is
   * left of more than about one flight, so a layer that needs the last word waits for the other side to close.
   */
  close(): void;
}
