import { FRAME_BYTES, SMALL_FRAME_BYTES } from '../protocol/chunk.ts';

/** Memory that is used again comes in these sizes: chunks grow with the window. */
const POOLED_BYTES = [SMALL_FRAME_BYTES, FRAME_BYTES] as const;
/** Shorter messages get memory of their own size. */
const UNPOOLED_BYTES = SMALL_FRAME_BYTES / 2;
/** A window and one step of acknowledgements of the link that is busy; the others are at rest meanwhile. */
const MAX_SPARE_BYTES = 2 * 1024 * 1024;

/**
 * Memory of chunks that have been sent and acknowledged, for the next ones. All links of a peer share it: each of its own
 * would keep a window's worth that it used once.
 */
export class SpareMemory {
  readonly #spare = new Map<number, ArrayBufferLike[]>(POOLED_BYTES.map((sizeBytes) => [sizeBytes, []]));
  #spareBytes = 0;

  /** How long the memory for a message of `sizeBytes` is. */
  static sizeFor(sizeBytes: number): number {
    if (sizeBytes < UNPOOLED_BYTES) return sizeBytes;
    return POOLED_BYTES.find((bytes) => bytes >= sizeBytes) ?? sizeBytes;
  }

  /** Of `SpareMemory.sizeFor` bytes; may hold what was written into it before. */
  take(memoryBytes: number): ArrayBufferLike {
    const memory = this.#spare.get(memoryBytes)?.pop();
    if (memory === undefined) return new ArrayBuffer(memoryBytes);
    this.#spareBytes -= memoryBytes;
    return memory;
  }

  /** Nobody reads or writes it any more. */
  give(memory: ArrayBufferLike): void {
    const spare = this.#spare.get(memory.byteLength);
    if (spare === undefined || this.#spareBytes + memory.byteLength > MAX_SPARE_BYTES) return;
    spare.push(memory);
    this.#spareBytes += memory.byteLength;
  }
}
