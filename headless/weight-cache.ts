import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { MemoryBlockCache, tieredCache, type BlockCache } from '../src/weights/block-cache.ts';
import { diskFolder, freeBytes, nodeSha256 } from '../src/weights/file-folder.ts';
import { FolderCache } from '../src/weights/folder-cache.ts';
import { parseByteSize } from './platform.ts';

/** As commander gives it: a folder, `true` for the default one, `false` for `--no-cache`. */
export interface CacheFlags {
  readonly cache?: string | boolean;
  readonly cacheLimit?: number;
}

/** The flags of every command that downloads weights. */
export function addCacheFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--cache <dir>',
        'folder for downloaded weights (default: in the cache folder of this user)',
      ).env('PEERCEPTRON_CACHE'),
    )
    .option('--no-cache', 'keep downloaded weights in memory only, a little at a time')
    .option(
      '--cache-limit <size>',
      'size of that folder (default: 2GB, or a tenth of what is free)',
      parseByteSize,
    );
}

/** The same choice for a process that is started. */
export function cacheArguments({ cache, cacheLimit }: CacheFlags): string[] {
  const where = cache === false ? ['--no-cache'] : typeof cache === 'string' ? ['--cache', cache] : [];
  return cacheLimit === undefined ? where : [...where, '--cache-limit', String(cacheLimit)];
}

const DEFAULT_LIMIT_BYTES = 2e9;
const FREE_PART = 0.1;
/** Blocks that several readers need at about the same time; the disk's own cache does the rest. */
const MEMORY_BESIDE_DISK_BYTES = 16 * 1024 * 1024;
const MEMORY_ALONE_BYTES = 64 * 1024 * 1024;

export interface WeightCache {
  readonly blocks: BlockCache;
  /** How far apart readers of one file may be that share what little is kept; absent where there is a folder. */
  readonly sweepBytes?: number;
}

/** `off` in the environment stands for `--no-cache`. */
export async function openWeightCache(
  { cache = true, cacheLimit }: CacheFlags,
  onNotice: (sentence: string) => void,
): Promise<WeightCache> {
  const alone = (): WeightCache => ({
    blocks: new MemoryBlockCache(MEMORY_ALONE_BYTES),
    sweepBytes: MEMORY_ALONE_BYTES / 2,
  });
  if (cache === false || cache === 'off' || cache === '') return alone();
  const path = typeof cache === 'string' ? cache : join(userCacheDir(), 'weights');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onNotice(`weights are kept in memory only: the cache folder ${path} cannot be used: ${reason}`);
    return alone();
  }
  const folder = new FolderCache({
    folder: diskFolder(path),
    limitBytes: cacheLimit ?? (await defaultLimitBytes(path)),
    sha256: nodeSha256,
    onNotice,
  });
  return { blocks: tieredCache(new MemoryBlockCache(MEMORY_BESIDE_DISK_BYTES), folder) };
}

async function defaultLimitBytes(path: string): Promise<number> {
  const free = await freeBytes(path);
  return Math.min(DEFAULT_LIMIT_BYTES, free === undefined ? DEFAULT_LIMIT_BYTES : free * FREE_PART);
}

/** Where this system keeps what programs can make again. */
export function userCacheDir(): string {
  const { env } = process;
  const home = homedir();
  const base =
    platform() === 'win32'
      ? (env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'))
      : platform() === 'darwin'
        ? join(home, 'Library', 'Caches')
        : env.XDG_CACHE_HOME || join(home, '.cache');
  return join(base, 'peerceptron');
}
