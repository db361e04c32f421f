/** Shorter ones come from the allocator's own reserve faster than from here. */
const SHORTEST_BYTES = 32 * 1024;

/**
 * Buffers that were used and are to be used again by the next frames, which need the same lengths. A new buffer of megabytes
 * costs more than filling it: the system hands its pages out one by one, and takes them back when the collector finds it.
 */
export class SpareBuffers {
  readonly #maxBytes: number;
  /** By length in bytes; what came back last goes first, for it may still be in a cache. */
  readonly #spare = new Map<number, ArrayBuffer[]>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** With whatever was in it before. */
  take(length: number): Float32Array<ArrayBuffer> {
    const sizeBytes = 4 * length;
    const buffer = this.#spare.get(sizeBytes)?.pop();
    if (buffer === undefined) return new Float32Array(length);
    this.#bytes -= sizeBytes;
    return new Float32Array(buffer);
  }

  /** Nobody reads or writes these any more. Views of parts of a buffer, and buffers that have gone to another thread, are none. */
  give(arrays: readonly Float32Array[]): void {
    for (const { buffer, byteLength } of arrays) {
      if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength) continue;
      if (byteLength < SHORTEST_BYTES || this.#bytes + byteLength > this.#maxBytes) continue;
      const known = this.#spare.get(byteLength);
      if (known?.includes(buffer)) continue;
      if (known) known.push(buffer);
      else this.#spare.set(byteLength, [buffer]);
      this.#bytes += byteLength;
    }
  }

  /** All of them, which are the caller's now. */
  takeAll(): ArrayBuffer[] {
    const all = [...this.#spare.values()].flat();
    this.clear();
    return all;
  }

  clear(): void {
    this.#spare.clear();
    this.#bytes = 0;
  }
}
