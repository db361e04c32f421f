import { expect } from 'chai';
import { MemoryBlockCache } from '../../src/weights/block-cache.ts';
import { FolderCache } from '../../src/weights/folder-cache.ts';
import { openOpfsFolder, subtleSha256 } from '../../src/weights/opfs-folder.ts';
import { blockCacheSuite } from '../contract/block-cache-suite.ts';

let folders = 0;

blockCacheSuite({
  name: 'the browser’s private file system',
  make: async (limitBytes) => {
    const name = `test-${folders++}`;
    const open = async () => {
      const opened = await openOpfsFolder(name);
      if (opened.state !== 'open') throw new Error(opened.reason);
      return opened.folder;
    };
    const cacheOf = (folder: Awaited<ReturnType<typeof open>>) =>
      new FolderCache({ folder, limitBytes, sha256: subtleSha256 });
    const folder = await open();
    return {
      cache: cacheOf(folder),
      reopen: async () => cacheOf(await open()),
      sizeBytes: async () => (await folder.list()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      close: async () => {
        const root = await navigator.storage.getDirectory();
        await root.removeEntry(name, { recursive: true });
      },
    };
  },
});

blockCacheSuite({
  name: 'memory',
  make: async (limitBytes) => {
    const cache = new MemoryBlockCache(limitBytes);
    return { cache, sizeBytes: async () => cache.sizeBytes, close: async () => undefined };
  },
});

describe('the browser’s private file system', () => {
  it('is open on a secure page, and says how much it holds', async () => {
    const opened = await openOpfsFolder('quota');
    expect(opened.state).to.equal('open');
    if (opened.state === 'open') expect(opened.quotaBytes).to.be.greaterThan(1e6);
  });
});
