import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** How files are cut for caching, for checking and for passing on from peer to peer. */
export const BLOCK_BYTES = 256 * 1024;

/**
 * Keeps blocks of files between reads, and between runs. It may forget anything at any time, and never fails: what it
 * cannot give is fetched again. Bytes that are given or got are read and not written to.
 */
export interface BlockCache {
  /** For people: what it is and where. */
  readonly name: string;
  /** The block exactly as it was put, or nothing. `file` is a `cacheFileId`. */
  get(file: string, index: number): Promise<Uint8Array | undefined>;
  /** Resolves when the block is kept, or when it is clear that it is not. */
  put(file: string, index: number, bytes: Uint8Array): Promise<void>;
}

/**
 * What a file is called in a cache, from everything that tells it from other files (URL, validator and length, or the
 * hash of its content): 40 hex digits.
 */
export const cacheFileId = (...identity: readonly (string | number)[]): string =>
  bytesToHex(sha256(utf8ToBytes(JSON.stringify(identity))).subarray(0, 20));

const keyOf = (file: string, index: number): string => `${file}/${index}`;

/** Blocks in memory; what was used longest ago goes first. */
export class MemoryBlockCache implements BlockCache {
  readonly name: string;
  readonly #limitBytes: number;
  /** In order of use, oldest first. */
  readonly #blocks = new Map<string, Uint8Array>();
  #sizeBytes = 0;

  constructor(limitBytes: number, name = 'memory') {
    this.#limitBytes = limitBytes;
    this.name = name;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async get(file: string, index: number): Promise<Uint8Array | undefined> {
    const key = keyOf(file, index);
    const bytes = this.#blocks.get(key);
    if (!bytes) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, bytes);
    return bytes;
  }

  async put(file: string, index: number, bytes: Uint8Array): Promise<void> {
    const key = keyOf(file, index);
    this.#remove(key);
    if (bytes.length > this.#limitBytes) return;
    // A view of something larger would keep all of it.
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
    this.#blocks.set(key, own);
    this.#sizeBytes += own.length;
    for (const oldest of this.#blocks.keys()) {
      if (this.#sizeBytes <= this.#limitBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const bytes = this.#blocks.get(key);
    if (!bytes) return;
    this.#blocks.delete(key);
    this.#sizeBytes -= bytes.length;
  }
}

/** A small fast cache before a large slow one. */
export function tieredCache(fast: BlockCache, slow: BlockCache): BlockCache {
  return {
    name: slow.name,
    get: async (file, index) => {
      const near = await fast.get(file, index);
      if (near) return near;
      const far = await slow.get(file, index);
      if (far) await fast.put(file, index, far);
      return far;
    },
    put: async (file, index, bytes) => {
      await fast.put(file, index, bytes);
      await slow.put(file, index, bytes);
    },
  };
}
