import { systemClock } from '../mesh/system-clock.ts';
import type { RoomLink } from '../protocol/room-link.ts';
import type { WeightStore } from '../runtime/peer-weights.ts';
import { MemoryBlockCache, tieredCache, type BlockCache } from '../weights/block-cache.ts';
import { FolderCache } from '../weights/folder-cache.ts';
import { openOpfsFolder, subtleSha256 } from '../weights/opfs-folder.ts';
import { originPolicy } from '../weights/origin-policy.ts';
import { resumingHttpBytes } from '../weights/resuming-http.ts';

const LIMIT_BYTES = 2e9;
/** Of what the browser gives this site. */
const QUOTA_PART = 0.5;
const MEMORY_BYTES = 16 * 1024 * 1024;

/** Weights in the page: kept in the browser's private file system where there is one, fetched from the room's server alone. */
export async function openWeightStore(link: RoomLink): Promise<WeightStore> {
  const policy = originPolicy(link.origin, []);
  return {
    cache: await openCache(),
    open: (url) => {
      policy.check(url);
      return resumingHttpBytes(url, {
        // A redirect fails; cookies and passwords of the site stay out of it.
        fetch: (input, init) => fetch(input, { ...init, redirect: 'error', credentials: 'omit' }),
        clock: systemClock,
      });
    },
  };
}

async function openCache(): Promise<BlockCache> {
  const memory = new MemoryBlockCache(MEMORY_BYTES);
  const opened = await openOpfsFolder();
  if (opened.state === 'unavailable') {
    console.info(`Weights are kept in memory only: ${opened.reason}.`);
    return memory;
  }
  const folder = new FolderCache({
    folder: opened.folder,
    limitBytes: Math.min(LIMIT_BYTES, opened.quotaBytes * QUOTA_PART),
    sha256: subtleSha256,
    onNotice: (sentence) => console.warn(sentence),
  });
  return tieredCache(memory, folder);
}
