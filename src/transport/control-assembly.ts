import { MAX_CONTROL_BYTES, MIN_FRAGMENT_BYTES } from '../protocol/chunk.ts';
import { FLAG_LAST, type Frame } from '../protocol/frame.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** Joins the fragments of control messages. Holds no more than what really arrived, and never more than 4 MiB. */
export class ControlAssembly {
  #fragments: Uint8Array[] = [];
  #sizeBytes = 0;

  /**
   * Returns the encoded message once its last fragment is there.
   * @throws PROTOCOL_ORDER, PROTOCOL_LIMIT
   */
  add(frame: Frame): Uint8Array | undefined {
    if (frame.offset !== this.#sizeBytes) {
      throw new PeerceptronError(
        'PROTOCOL_ORDER',
        `a control message continues at ${frame.offset} instead of ${this.#sizeBytes}`,
      );
    }
    const isLast = frame.flags === FLAG_LAST;
    if (!isLast && frame.payload.length < MIN_FRAGMENT_BYTES) {
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `a fragment of ${frame.payload.length} bytes; only the last may have less than ${MIN_FRAGMENT_BYTES}`,
      );
    }
    this.#sizeBytes += frame.payload.length;
    if (this.#sizeBytes > MAX_CONTROL_BYTES) {
      throw new PeerceptronError('PROTOCOL_LIMIT', `a control message exceeds ${MAX_CONTROL_BYTES} bytes`);
    }
    if (isLast && this.#fragments.length === 0) {
      this.#sizeBytes = 0;
      return frame.payload;
    }
    this.#fragments.push(frame.payload);
    if (!isLast) return undefined;
    const message = new Uint8Array(this.#sizeBytes);
    let offset = 0;
    for (const fragment of this.#fragments) {
      message.set(fragment, offset);
      offset += fragment.length;
    }
    this.#fragments = [];
    this.#sizeBytes = 0;
    return message;
  }
}
