import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { MemoryBlockCache, tieredCache } from '../../src/weights/block-cache.ts';
import { diskFolder, nodeSha256 } from '../../src/weights/file-folder.ts';
import { FolderCache } from '../../src/weights/folder-cache.ts';
import { blockCacheSuite } from './block-cache-suite.ts';

// The suite is shared with browser tests, where these are globals.
Object.assign(globalThis, { describe, it });

blockCacheSuite({
  name: 'memory',
  make: async (limitBytes) => {
    const cache = new MemoryBlockCache(limitBytes);
    return { cache, sizeBytes: async () => cache.sizeBytes, close: async () => undefined };
  },
});

async function folderSize(path: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(path, { recursive: true })) {
    const found = await stat(join(path, name));
    if (found.isFile()) total += found.size;
  }
  return total;
}

for (const tiered of [false, true]) {
  blockCacheSuite({
    name: tiered ? 'memory before disk' : 'disk',
    make: async (limitBytes) => {
      const path = await mkdtemp(join(tmpdir(), 'peerceptron-cache-'));
      const open = async () => {
        const disk = new FolderCache({ folder: diskFolder(path), limitBytes, sha256: nodeSha256 });
        return tiered ? tieredCache(new MemoryBlockCache(Math.min(2000, limitBytes)), disk) : disk;
      };
      return {
        cache: await open(),
        reopen: open,
        sizeBytes: () => folderSize(path),
        close: () => rm(path, { recursive: true }),
      };
    },
  });
}
