import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/shared/random.ts';
import { cacheFileId } from '../../../src/weights/block-cache.ts';
import { nodeSha256 } from '../../../src/weights/file-folder.ts';
import { FolderCache, type CacheFolder } from '../../../src/weights/folder-cache.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';

/** A folder in memory that can be full, can tear a write in a crash, and counts time in operations. */
class FakeFolder implements CacheFolder {
  readonly name = 'fake folder';
  readonly blocks = new Map<string, { bytes: Uint8Array; usedAtMs: number }>();
  #time = 0;
  /** Writes above this many bytes in all fail. */
  roomBytes = Infinity;
  /** The next write keeps this part of its bytes, and the process dies with it. */
  tear: number | undefined;

  get sizeBytes(): number {
    return [...this.blocks.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  async list() {
    return [...this.blocks].map(([key, { bytes, usedAtMs }]) => {
      const [file, index] = key.split('/');
      return { file: file!, index: Number(index), sizeBytes: bytes.length, usedAtMs };
    });
  }

  async read(file: string, index: number) {
    return this.blocks.get(`${file}/${index}`)?.bytes.slice();
  }

  async write(file: string, index: number, bytes: Uint8Array) {
    if (this.sizeBytes + bytes.length > this.roomBytes) throw new Error('ENOSPC: no space left on device');
    const kept =
      this.tear === undefined ? bytes.slice() : bytes.slice(0, Math.floor(bytes.length * this.tear));
    this.blocks.set(`${file}/${index}`, { bytes: kept, usedAtMs: ++this.#time });
    if (this.tear === undefined) return;
    this.tear = undefined;
    throw new Error('the process died');
  }

  async remove(file: string, index: number) {
    this.blocks.delete(`${file}/${index}`);
  }

  async touch(file: string, index: number) {
    const block = this.blocks.get(`${file}/${index}`);
    if (block) block.usedAtMs = ++this.#time;
  }
}

const a = cacheFileId('a');
const blockOf = (seed: number, length = 500): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (seed * 131 + i * 11) & 0xff);
const open = (folder: CacheFolder, limitBytes = 1e6, notices: string[] = []): FolderCache =>
  new FolderCache({ folder, limitBytes, sha256: nodeSha256, onNotice: (sentence) => notices.push(sentence) });

describe('a cache in a folder', () => {
  it('drops a block whose bytes were flipped, wherever, and takes a new one', async () => {
    for (const at of [0, 31, 32, 100, 531]) {
      const folder = new FakeFolder();
      const cache = open(folder);
      await cache.put(a, 3, blockOf(1));
      folder.blocks.get(`${a}/3`)!.bytes[at]! ^= 0x10;
      expect(await cache.get(a, 3), `byte ${at}`).toBeUndefined();
      expect(folder.blocks.size).toBe(0);
      await cache.put(a, 3, blockOf(2));
      expect(await cache.get(a, 3)).toEqual(blockOf(2));
    }
  });

  it('does not take one block for another, whatever it is called', async () => {
    const folder = new FakeFolder();
    const cache = open(folder);
    await cache.put(a, 3, blockOf(1));
    folder.blocks.set(`${a}/4`, folder.blocks.get(`${a}/3`)!);
    folder.blocks.set(`${cacheFileId('b')}/3`, folder.blocks.get(`${a}/3`)!);
    expect(await cache.get(a, 4)).toBeUndefined();
    expect(await cache.get(cacheFileId('b'), 3)).toBeUndefined();
    expect(await cache.get(a, 3)).toEqual(blockOf(1));
  });

  it('evicts what was used longest ago, uses after a restart included', async () => {
    const folder = new FakeFolder();
    const first = open(folder, 10_000);
    for (let index = 0; index < 10; index++) await first.put(a, index, blockOf(index));
    await first.get(a, 0);
    const second = open(folder, 10_000);
    await second.get(a, 1);
    for (let index = 10; index < 19; index++) await second.put(a, index, blockOf(index));
    expect(folder.sizeBytes).toBeLessThanOrEqual(10_000);
    expect(await second.get(a, 0)).toEqual(blockOf(0));
    expect(await second.get(a, 1)).toEqual(blockOf(1));
    expect(await second.get(a, 2)).toBeUndefined();
  });

  it('sees what another process puts into the folder, and counts it before it evicts', async () => {
    const folder = new FakeFolder();
    const one = open(folder, 6_000);
    const other = open(folder, 6_000);
    await one.put(a, 0, blockOf(0));
    expect(await other.get(a, 0)).toEqual(blockOf(0));
    for (let index = 1; index < 20; index++) await (index % 2 ? one : other).put(a, index, blockOf(index));
    // Each counts its own until it evicts; then both are counted.
    expect(folder.sizeBytes).toBeLessThanOrEqual(2 * 6_000);
    for (let index = 20; index < 40; index++) await one.put(a, index, blockOf(index));
    expect(folder.sizeBytes).toBeLessThanOrEqual(6_000);
  });

  it('stops growing where there is no room, says so once, and still reads', async () => {
    const folder = new FakeFolder();
    const notices: string[] = [];
    const cache = open(folder, 1e6, notices);
    await cache.put(a, 0, blockOf(0));
    folder.roomBytes = folder.sizeBytes;
    await cache.put(a, 1, blockOf(1));
    await cache.put(a, 2, blockOf(2));
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/fake folder.*stops growing.*no space left/);
    expect(await cache.get(a, 0)).toEqual(blockOf(0));
    expect(await cache.get(a, 1)).toBeUndefined();
  });

  it('is empty, not broken, where the folder cannot be listed or read', async () => {
    const folder = new FakeFolder();
    folder.list = () => Promise.reject(new Error('EACCES'));
    folder.read = () => Promise.reject(new Error('EIO'));
    const cache = open(folder);
    await cache.put(a, 0, blockOf(0));
    expect(await cache.get(a, 0)).toBeUndefined();
  });

  it(`gives what was put or nothing, through crashes, damage and eviction (${describeRuns(runs(150))})`, async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        const folder = new FakeFolder();
        const limitBytes = 2_000 + random.integer(6_000);
        let caches = [open(folder, limitBytes), open(folder, limitBytes)];
        /** What may come back for a key: the last that was put. */
        const model = new Map<string, Uint8Array>();
        for (let step = 0; step < 120; step++) {
          const file = cacheFileId('file', random.integer(3));
          const index = random.integer(6);
          const key = `${file}/${index}`;
          const cache = caches[random.integer(caches.length)]!;
          const dice = random.integer(20);
          if (dice < 9) {
            const block = blockOf(step, 1 + random.integer(900));
            if (dice === 0) folder.tear = random.integer(100) / 100;
            await cache.put(file, index, block);
            if (dice === 0) {
              // A new file that was torn is found out; an old one under its name is gone with it.
              folder.tear = undefined;
              caches = [open(folder, limitBytes), open(folder, limitBytes)];
            }
            model.set(key, block);
          } else if (dice === 9) {
            const stored = folder.blocks.get(key)?.bytes;
            if (stored) stored[random.integer(stored.length)]! ^= 1 + random.integer(255);
          } else if (dice === 10) {
            caches = [open(folder, limitBytes), open(folder, limitBytes)];
          } else {
            const found = await cache.get(file, index);
            if (found) expect(found, `seed ${seed}, step ${step}`).toEqual(model.get(key));
          }
        }
        for (const block of folder.blocks.values()) expect(block.bytes.length).toBeLessThanOrEqual(932);
        // One more put by a cache that has just looked evicts everything beyond the limit.
        const last = open(folder, limitBytes);
        await last.put(a, 99, blockOf(1));
        expect(folder.sizeBytes, `seed ${seed}`).toBeLessThanOrEqual(limitBytes);
      }),
      runs(150),
    );
  });
});
