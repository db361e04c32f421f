import type { BlockCache } from './block-cache.ts';

/** What is known of a block without reading it. */
export interface FolderEntry {
  readonly file: string;
  readonly index: number;
  /** As it lies in the folder, checksum included. */
  readonly sizeBytes: number;
  /** Milliseconds of any clock that only goes forward, the same for all entries. */
  readonly usedAtMs: number;
}

/** Where a cache's blocks lie: a folder on disk, the browser's private file system. */
export interface CacheFolder {
  /** For people. */
  readonly name: string;
  list(): Promise<FolderEntry[]>;
  /** Nothing where there is no such block. */
  read(file: string, index: number): Promise<Uint8Array | undefined>;
  /**
   * Visible whole or not at all while the system runs; what a crash leaves is found out by its checksum. Rejects when
   * there is no room, or no permission.
   */
  write(file: string, index: number, bytes: Uint8Array): Promise<void>;
  /** Also resolves where there is no such block: someone else may have been faster. */
  remove(file: string, index: number): Promise<void>;
  /** Makes the block the one that was used last, where the folder can tell; never rejects. */
  touch(file: string, index: number): Promise<void>;
}

export type Sha256 = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export interface FolderCacheOptions {
  readonly folder: CacheFolder;
  readonly limitBytes: number;
  readonly sha256: Sha256;
  /** Once, when the cache stops growing. */
  readonly onNotice?: (sentence: string) => void;
}

const CHECKSUM_BYTES = 32;
/** Evicting down to this part of the limit makes room for many blocks at once. */
const EVICT_TO = 0.9;

/**
 * A cache of blocks in a folder that other processes may use at the same time. Each block carries a checksum over its
 * name and its bytes, so that what was torn, flipped or moved counts as absent and is removed. Above the limit, what was
 * used longest ago goes first. A folder that cannot be written to (full, read-only) is only read from then on.
 */
export class FolderCache implements BlockCache {
  readonly #options: FolderCacheOptions;
  /** Sizes by key, in order of use as far as this process knows; read from the folder at the first need. */
  #known: Promise<Map<string, number>> | undefined;
  #sizeBytes = 0;
  #evicting: Promise<void> | undefined;
  #readOnly = false;

  constructor(options: FolderCacheOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.folder.name;
  }

  async get(file: string, index: number): Promise<Uint8Array | undefined> {
    const { folder } = this.#options;
    let stored: Uint8Array | undefined;
    try {
      stored = await folder.read(file, index);
    } catch {
      return undefined;
    }
    // An empty file is one that someone is writing just now.
    if (!stored || stored.length === 0) return undefined;
    if (!(await this.#isSound(file, index, stored))) {
      await this.#drop(file, index);
      return undefined;
    }
    const known = await this.#entries();
    const key = `${file}/${index}`;
    const size = known.get(key);
    if (size !== undefined) {
      known.delete(key);
      known.set(key, size);
    }
    void folder.touch(file, index);
    return stored.subarray(CHECKSUM_BYTES);
  }

  async put(file: string, index: number, bytes: Uint8Array): Promise<void> {
    const { folder, limitBytes } = this.#options;
    const sizeBytes = CHECKSUM_BYTES + bytes.length;
    if (this.#readOnly || sizeBytes > limitBytes) return;
    const known = await this.#entries();
    const stored = new Uint8Array(sizeBytes);
    stored.set(bytes, CHECKSUM_BYTES);
    stored.set(await this.#checksum(file, index, stored));
    try {
      await folder.write(file, index, stored);
    } catch (error) {
      this.#stopGrowing(error);
      return;
    }
    const key = `${file}/${index}`;
    this.#sizeBytes += sizeBytes - (known.get(key) ?? 0);
    known.delete(key);
    known.set(key, sizeBytes);
    if (this.#sizeBytes > limitBytes) await (this.#evicting ??= this.#evict());
  }

  #entries(): Promise<Map<string, number>> {
    return (this.#known ??= this.#scan());
  }

  async #scan(): Promise<Map<string, number>> {
    const entries = await this.#options.folder.list().catch(() => []);
    entries.sort((a, b) => a.usedAtMs - b.usedAtMs);
    this.#sizeBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return new Map(entries.map(({ file, index, sizeBytes }) => [`${file}/${index}`, sizeBytes]));
  }

  async #evict(): Promise<void> {
    const { folder, limitBytes } = this.#options;
    try {
      // Other processes have added and removed since the last look.
      this.#known = this.#scan();
      const known = await this.#known;
      const enough = limitBytes * EVICT_TO;
      for (const [key, sizeBytes] of known) {
        if (this.#sizeBytes <= enough) break;
        const cut = key.lastIndexOf('/');
        await folder.remove(key.slice(0, cut), Number(key.slice(cut + 1)));
        known.delete(key);
        this.#sizeBytes -= sizeBytes;
      }
    } catch (error) {
      this.#stopGrowing(error);
    } finally {
      this.#evicting = undefined;
    }
  }

  async #drop(file: string, index: number): Promise<void> {
    const known = await this.#entries();
    const key = `${file}/${index}`;
    this.#sizeBytes -= known.get(key) ?? 0;
    known.delete(key);
    await this.#options.folder.remove(file, index).catch(() => undefined);
  }

  #stopGrowing(error: unknown): void {
    if (this.#readOnly) return;
    this.#readOnly = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onNotice?.(
      `the cache of weights (${this.name}) cannot be written to and stops growing: ${reason}. Free some space, or name another folder`,
    );
  }

  async #isSound(file: string, index: number, stored: Uint8Array): Promise<boolean> {
    if (stored.length < CHECKSUM_BYTES) return false;
    const checksum = await this.#checksum(file, index, stored);
    return checksum.every((byte, at) => byte === stored[at]);
  }

  /** Over the block's name as well, in the place that the checksum itself takes. */
  async #checksum(file: string, index: number, stored: Uint8Array): Promise<Uint8Array> {
    // Not `slice`: of a Buffer that is a view.
    const signed = new Uint8Array(stored);
    signed.fill(0, 0, CHECKSUM_BYTES);
    new TextEncoder().encodeInto(file.slice(0, 24), signed);
    new DataView(signed.buffer).setUint32(24, index, true);
    return this.#options.sha256(signed);
  }
}
