import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { BLOCK_BYTES, cacheFileId, type BlockCache } from './block-cache.ts';
import type { ByteSource } from './byte-source.ts';
import { downloadRange, retriedFileVersion } from './http-file.ts';
import { httpBytes } from './http-source.ts';

/** Where the bytes of a read came from; every byte that was taken from the file counts once per read of it. */
export interface ReadTally {
  cacheBytes: number;
  /** As the server sent them. */
  originBytes: number;
}

export interface CachedHttpOptions {
  readonly cache: BlockCache;
  /** Paces retries. */
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
  readonly tally?: ReadTally;
}

/** One request asks for at most this much: what a read waits for, and what is under way at a time. */
const REQUEST_BYTES = 8 * 1024 * 1024;

interface File {
  readonly id: string;
  readonly sizeBytes: number;
  readonly validator?: string;
}

/**
 * A file on a server, read by blocks through a cache: a block that is cached, or under way for another read, is not
 * asked for again. A connection that breaks is resumed where it broke; at most the block that it broke in is asked for
 * twice. Servers that tell neither size nor version, or ignore Range, are read as without a cache.
 */
export function cachedHttpBytes(url: string, options: CachedHttpOptions): ByteSource {
  return new CachedHttp(url, options);
}

class CachedHttp implements ByteSource {
  readonly name: string;
  readonly #options: CachedHttpOptions;
  readonly #fetch: typeof fetch;
  readonly #plain: ByteSource;
  #file: Promise<File | undefined> | undefined;
  readonly #underWay = new Map<number, Promise<Uint8Array>>();

  constructor(url: string, options: CachedHttpOptions) {
    this.name = url;
    this.#options = options;
    // Called as a bare function: `fetch` refuses to be called as a method of something else.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#plain = httpBytes(url, options.fetch ? { fetch: options.fetch } : {});
  }

  async size(signal?: AbortSignal): Promise<number> {
    return (await this.#version(signal))?.sizeBytes ?? this.#plain.size(signal);
  }

  async read(offsetBytes: number, lengthBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const file = await this.#version(signal);
    if (!file) return this.#readPlain(offsetBytes, lengthBytes, signal);
    const endBytes = Math.min(offsetBytes + lengthBytes, file.sizeBytes);
    if (offsetBytes >= endBytes) return new Uint8Array(0);
    const first = Math.floor(offsetBytes / BLOCK_BYTES);
    const stop = Math.ceil(endBytes / BLOCK_BYTES);
    const result = new Uint8Array(endBytes - offsetBytes);
    const place = (index: number, block: Uint8Array): void => {
      const from = Math.max(offsetBytes, index * BLOCK_BYTES);
      const to = Math.min(endBytes, index * BLOCK_BYTES + block.length);
      result.set(block.subarray(from - index * BLOCK_BYTES, to - index * BLOCK_BYTES), from - offsetBytes);
    };
    try {
      // In stretches, so that what is held beside the result is bounded.
      const step = REQUEST_BYTES / BLOCK_BYTES;
      for (let start = first; start < stop; start += step) {
        const indexes = Array.from({ length: Math.min(step, stop - start) }, (_, i) => start + i);
        const blocks = await Promise.all(this.#blocks(file, indexes, signal));
        for (const [i, block] of blocks.entries()) place(start + i, block);
      }
    } catch (error) {
      if (error !== NO_RANGES) throw error;
      this.#file = Promise.resolve(undefined);
      return this.#readPlain(offsetBytes, lengthBytes, signal);
    }
    return result;
  }

  async #readPlain(offsetBytes: number, lengthBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#plain.read(offsetBytes, lengthBytes, signal);
    if (this.#options.tally) this.#options.tally.originBytes += bytes.length;
    return bytes;
  }

  /** Asked for once; a failed attempt is forgotten. */
  #version(signal?: AbortSignal): Promise<File | undefined> {
    return (this.#file ??= this.#askVersion(signal).catch((error: unknown) => {
      this.#file = undefined;
      throw error;
    }));
  }

  async #askVersion(signal?: AbortSignal): Promise<File | undefined> {
    const { clock } = this.#options;
    // Nothing: the plain reader fails in the same way, with a sentence that says why.
    const version = await retriedFileVersion(this.name, { fetch: this.#fetch, clock, signal });
    if (!version) return undefined;
    const { sizeBytes, validator } = version;
    // A file without a validator is cached for this source alone: nobody could tell when it changes.
    const id = cacheFileId('http', this.name, sizeBytes, validator ?? `unversioned ${unversioned++}`);
    return { id, sizeBytes, ...(validator === undefined ? {} : { validator }) };
  }

  /** One promise per block: from another read that is under way, from the cache, or from the server. */
  #blocks(file: File, indexes: readonly number[], signal?: AbortSignal): Promise<Uint8Array>[] {
    const wanted = indexes.filter((index) => !this.#underWay.has(index));
    if (wanted.length > 0) {
      const settle = new Map<number, Settle>();
      for (const index of wanted) {
        const block = new Promise<Uint8Array>((resolve, reject) => settle.set(index, { resolve, reject }));
        // Whoever waits for it sees the failure; nobody may be left to.
        block.catch(() => undefined);
        this.#underWay.set(index, block);
      }
      void this.#bring(file, wanted, settle, signal)
        .catch((error: unknown) => {
          for (const { reject } of settle.values()) reject(error);
        })
        .finally(() => {
          for (const index of wanted) this.#underWay.delete(index);
        });
    }
    return indexes.map((index) => this.#joined(file, index, signal));
  }

  /** Another read's failure (it was cancelled) is not this one's: it asks by itself, once. */
  async #joined(file: File, index: number, signal?: AbortSignal): Promise<Uint8Array> {
    const block = this.#underWay.get(index)!;
    try {
      return await block;
    } catch (error) {
      signal?.throwIfAborted();
      if (error === NO_RANGES || error instanceof PeerceptronError) throw error;
      return (await Promise.all(this.#blocks(file, [index], signal)))[0]!;
    }
  }

  async #bring(
    file: File,
    indexes: readonly number[],
    settle: Map<number, Settle>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { cache, tally } = this.#options;
    const lengthOf = (index: number): number => Math.min(BLOCK_BYTES, file.sizeBytes - index * BLOCK_BYTES);
    const missing: number[] = [];
    for (const index of indexes) {
      const known = await cache.get(file.id, index);
      if (known?.length !== lengthOf(index)) {
        missing.push(index);
        continue;
      }
      if (tally) tally.cacheBytes += known.length;
      settle.get(index)!.resolve(known);
    }
    for (let start = 0; start < missing.length;) {
      let stop = start + 1;
      while (stop < missing.length && missing[stop] === missing[stop - 1]! + 1) stop += 1;
      await this.#download(file, missing[start]!, missing[stop - 1]! + 1, settle, signal);
      start = stop;
    }
  }

  /** Consecutive blocks `[first, stop)` from the server, resumed as often as it takes while bytes come. */
  async #download(
    file: File,
    first: number,
    stop: number,
    settle: Map<number, Settle>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { cache, tally } = this.#options;
    const last = Math.min(stop * BLOCK_BYTES, file.sizeBytes);
    let index = first;
    let block: Uint8Array | undefined;
    let filled = 0;
    const kept: Promise<void>[] = [];
    const take = (bytes: Uint8Array): void => {
      if (tally) tally.originBytes += bytes.length;
      for (let from = 0; from < bytes.length;) {
        block ??= new Uint8Array(Math.min(BLOCK_BYTES, file.sizeBytes - index * BLOCK_BYTES));
        const count = Math.min(bytes.length - from, block.length - filled);
        block.set(bytes.subarray(from, from + count), filled);
        filled += count;
        from += count;
        if (filled < block.length) continue;
        kept.push(cache.put(file.id, index, block));
        settle.get(index)!.resolve(block);
        index += 1;
        filled = 0;
        block = undefined;
      }
    };
    const range = { startBytes: first * BLOCK_BYTES, endBytes: last, validator: file.validator };
    const options = { fetch: this.#fetch, clock: this.#options.clock, signal };
    const result = await downloadRange(this.name, range, take, options);
    if (result === 'no-ranges') throw NO_RANGES;
    if (result === 'ended') {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `${this.name} ends before the ${file.sizeBytes} bytes that its server announces: it is being replaced, or was not copied whole; start again`,
        { details: { url: this.name } },
      );
    }
    // What is kept only in the cache's queue would be memory that nobody counts.
    await Promise.all(kept);
  }
}

interface Settle {
  readonly resolve: (block: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Not an error that anyone sees: the file is read in another way then. */
const NO_RANGES = new Error('the server ignores HTTP Range');

let unversioned = 0;
