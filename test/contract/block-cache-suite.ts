import { expect } from 'chai';
import { cacheFileId, type BlockCache } from '../../src/weights/block-cache.ts';

export interface BlockCacheHarness {
  readonly name: string;
  /** An empty cache that holds about `limitBytes`. */
  make(limitBytes: number): Promise<{
    readonly cache: BlockCache;
    /** The same storage, opened anew as after a restart; absent where nothing outlives the process. */
    readonly reopen?: () => Promise<BlockCache>;
    /** Bytes that are really kept. */
    readonly sizeBytes: () => Promise<number>;
    readonly close: () => Promise<void>;
  }>;
}

const a = cacheFileId('a');
const b = cacheFileId('b');
const blockOf = (seed: number, length = 1000): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) & 0xff);
const MEGABYTE = 1024 * 1024;

/** What holds for every cache; written so that Vitest and Mocha both run it. */
export function blockCacheSuite(harness: BlockCacheHarness): void {
  const within =
    (limitBytes: number, test: (made: Awaited<ReturnType<BlockCacheHarness['make']>>) => Promise<void>) =>
    async (): Promise<void> => {
      const made = await harness.make(limitBytes);
      try {
        await test(made);
      } finally {
        await made.close();
      }
    };

  describe(`block cache: ${harness.name}`, () => {
    it(
      'gives back what was put, by file and index, and nothing else',
      within(MEGABYTE, async ({ cache }) => {
        await cache.put(a, 0, blockOf(1));
        await cache.put(a, 1, blockOf(2, 17));
        await cache.put(b, 0, blockOf(3));
        expect([...(await cache.get(a, 0))!]).to.deep.equal([...blockOf(1)]);
        expect([...(await cache.get(a, 1))!]).to.deep.equal([...blockOf(2, 17)]);
        expect([...(await cache.get(b, 0))!]).to.deep.equal([...blockOf(3)]);
        expect(await cache.get(b, 1)).to.equal(undefined);
        expect(await cache.get(cacheFileId('c'), 0)).to.equal(undefined);
      }),
    );

    it(
      'keeps the last of what was put under one name',
      within(MEGABYTE, async ({ cache }) => {
        await cache.put(a, 0, blockOf(1));
        await cache.put(a, 0, blockOf(2));
        expect([...(await cache.get(a, 0))!]).to.deep.equal([...blockOf(2)]);
      }),
    );

    it(
      'does not keep a buffer alive that a block is a part of',
      within(MEGABYTE, async ({ cache }) => {
        const large = new Uint8Array(100_000).fill(7);
        await cache.put(a, 0, large.subarray(50, 60));
        large.fill(9);
        expect([...(await cache.get(a, 0))!]).to.deep.equal(Array<number>(10).fill(7));
      }),
    );

    it(
      'stays below its limit, and keeps what came last',
      within(20_000, async ({ cache, sizeBytes }) => {
        for (let index = 0; index < 60; index++) await cache.put(a, index, blockOf(index));
        expect(await sizeBytes()).to.be.at.most(20_000);
        expect([...(await cache.get(a, 59))!]).to.deep.equal([...blockOf(59)]);
        expect(await cache.get(a, 0)).to.equal(undefined);
      }),
    );

    it(
      'leaves alone what is larger than all of it',
      within(500, async ({ cache, sizeBytes }) => {
        await cache.put(a, 0, blockOf(1));
        expect(await cache.get(a, 0)).to.equal(undefined);
        expect(await sizeBytes()).to.equal(0);
      }),
    );

    it(
      'takes many at once',
      within(MEGABYTE, async ({ cache }) => {
        const indexes = Array.from({ length: 40 }, (_, index) => index);
        await Promise.all(indexes.map((index) => cache.put(a, index, blockOf(index))));
        const found = await Promise.all(indexes.map((index) => cache.get(a, index)));
        for (const index of indexes) expect([...found[index]!]).to.deep.equal([...blockOf(index)]);
      }),
    );

    it(
      'outlives the process where it says so',
      within(MEGABYTE, async ({ cache, reopen }) => {
        await cache.put(a, 0, blockOf(1));
        const again = await reopen?.();
        if (again) expect([...(await again.get(a, 0))!]).to.deep.equal([...blockOf(1)]);
      }),
    );
  });
}
