import { PeerceptronError } from '../shared/errors.ts';
import { SpareMemory } from './spare-memory.ts';

/**
 * What one side may have sent without acknowledgement. A window of streams has 1 MiB, so the rest is for control messages
 * that pile up while there is no connection; browsers close a channel that is given 16 MiB at once.
 */
const MAX_KEPT_BYTES = 12 * 1024 * 1024;
const MESSAGE_OVERHEAD_BYTES = 256;

/**
 * The messages of one direction that the other side has not acknowledged, in order. Lends the buffers that they are written
 * into, and takes them back when they are acknowledged: a chunk is neither copied nor allocated for being kept.
 */
export class Unacknowledged {
  readonly #kept: Uint8Array[] = [];
  readonly #spare: SpareMemory;
  /** Memory that was lent and not sent yet. */
  #lent: ArrayBufferLike | undefined;
  #keptBytes = 0;
  #acknowledged = 0;

  constructor(spare: SpareMemory) {
    this.#spare = spare;
  }

  /** `sizeBytes` bytes to write the next message into; valid until the next call of `lend` or `keep`. */
  lend(sizeBytes: number): Uint8Array {
    const memoryBytes = SpareMemory.sizeFor(sizeBytes);
    const memory = this.#lent?.byteLength === memoryBytes ? this.#lent : this.#spare.take(memoryBytes);
    this.#lent = memory;
    return new Uint8Array(memory, 0, sizeBytes);
  }

  /**
   * Keeps a message and returns what was kept: itself where it lies in lent memory, else a copy.
   * @throws PROTOCOL_LIMIT when too much is unacknowledged
   */
  keep(message: Uint8Array): Uint8Array {
    const chargeBytes = message.length + MESSAGE_OVERHEAD_BYTES;
    if (this.#keptBytes + chargeBytes > MAX_KEPT_BYTES)
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `more than ${MAX_KEPT_BYTES} bytes wait for the other side, which does not acknowledge: it is away, or too slow`,
      );
    const kept = message.buffer === this.#lent ? message : message.slice();
    this.#lent = undefined;
    this.#kept.push(kept);
    this.#keptBytes += chargeBytes;
    return kept;
  }

  /**
   * The other side has received `total32` messages since the start, modulo 2^32.
   * @throws PROTOCOL_MALFORMED when it never was sent so many, or takes back what it acknowledged
   */
  release(total32: number): void {
    const count = (total32 - (this.#acknowledged % 2 ** 32)) >>> 0;
    if (count > this.#kept.length)
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        'the other side acknowledged messages that were never sent',
      );
    this.#acknowledged += count;
    for (const { buffer, length } of this.#kept.splice(0, count)) {
      this.#keptBytes -= length + MESSAGE_OVERHEAD_BYTES;
      this.#spare.give(buffer);
    }
  }

  /** Oldest first. */
  messages(): readonly Uint8Array[] {
    return [...this.#kept];
  }

  clear(): void {
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }
}
