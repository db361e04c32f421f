import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheFolder, FolderEntry, Sha256 } from './folder-cache.ts';

export const nodeSha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** What a writer that died has left behind is removed when it is this old. */
const ABANDONED_AFTER_MS = 3600_000;
/** Blocks are marked as used no more often than this. */
const TOUCH_EVERY_MS = 60_000;
/** Directory entries looked at in parallel. */
const STATS_AT_ONCE = 32;

/** A folder on disk, one file per block, which several processes may share. Times are the file system's. */
export function diskFolder(path: string, now: () => number = Date.now): CacheFolder {
  const pathOf = (file: string, index: number): string => join(path, file, String(index));
  const touched = new Map<string, number>();
  let writes = 0;
  return {
    name: path,
    list: async () => {
      const entries: FolderEntry[] = [];
      for (const file of await readdir(path)) {
        // Nothing but what this program has put there is counted, or removed.
        if (!/^[0-9a-f]{40}$/.test(file)) continue;
        const names = await readdir(join(path, file)).catch(() => []);
        for (let start = 0; start < names.length; start += STATS_AT_ONCE) {
          const batch = names.slice(start, start + STATS_AT_ONCE).map(async (name) => {
            const found = await stat(join(path, file, name)).catch(() => undefined);
            if (!found) return;
            if (/^\d+$/.test(name)) {
              entries.push({ file, index: Number(name), sizeBytes: found.size, usedAtMs: found.mtimeMs });
            } else if (name.endsWith('.part') && found.mtimeMs < now() - ABANDONED_AFTER_MS) {
              await rm(join(path, file, name), { force: true });
            }
          });
          await Promise.all(batch);
        }
      }
      return entries;
    },
    read: async (file, index) => {
      try {
        return await readFile(pathOf(file, index));
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    write: async (file, index, bytes) => {
      // Readable by this user alone: which models someone runs is their own business.
      await mkdir(join(path, file), { recursive: true, mode: 0o700 });
      const part = `${pathOf(file, index)}.${process.pid}-${writes++}.part`;
      try {
        const handle = await open(part, 'wx', 0o600);
        try {
          await handle.writeFile(bytes);
        } finally {
          await handle.close();
        }
        await rename(part, pathOf(file, index));
      } catch (error) {
        await rm(part, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    remove: async (file, index) => {
      touched.delete(`${file}/${index}`);
      await rm(pathOf(file, index), { force: true });
    },
    touch: async (file, index) => {
      const key = `${file}/${index}`;
      const time = now();
      if (time - (touched.get(key) ?? -Infinity) < TOUCH_EVERY_MS) return;
      touched.set(key, time);
      const date = new Date(time);
      await utimes(pathOf(file, index), date, date).catch(() => undefined);
    },
  };
}

/** What is free on the file system that holds `path`, for this user; `undefined` where that cannot be told. */
export async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code));
