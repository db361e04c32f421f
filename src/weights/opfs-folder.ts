import type { CacheFolder, FolderEntry, Sha256 } from './folder-cache.ts';

/** Only where `crypto.subtle` exists, as it does wherever the private file system does (secure contexts). */
export const subtleSha256: Sha256 = async (bytes) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));

export type OpfsFolder =
  /** `quotaBytes`: what the browser gives this site in all. */
  | { readonly state: 'open'; readonly folder: CacheFolder; readonly quotaBytes: number }
  | { readonly state: 'unavailable'; readonly reason: string };

/**
 * The browser's origin-private file system as a cache folder, one file per block. A block becomes visible when it is
 * closed, whole. The file system keeps no time of reading: what was written longest ago counts as used longest ago,
 * apart from what this page has read itself.
 */
export async function openOpfsFolder(name = 'weights'): Promise<OpfsFolder> {
  if (!globalThis.isSecureContext) {
    return { state: 'unavailable', reason: 'pages over plain http have no storage for it; use https' };
  }
  // Not every browser has all of it.
  const storage = navigator.storage as Partial<StorageManager> | undefined;
  if (!storage?.getDirectory || !storage.estimate) {
    return { state: 'unavailable', reason: 'this browser has no private file system' };
  }
  try {
    const root = await storage.getDirectory();
    const dir = await root.getDirectoryHandle(name, { create: true });
    // Not made persistent: some browsers would ask the person for it, and what is lost is fetched again.
    const { quota = 0 } = await storage.estimate();
    return { state: 'open', folder: opfsFolder(dir), quotaBytes: quota };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { state: 'unavailable', reason: `the browser refuses storage: ${reason}` };
  }
}

function opfsFolder(dir: FileSystemDirectoryHandle): CacheFolder {
  const within = (file: string, create: boolean): Promise<FileSystemDirectoryHandle> =>
    dir.getDirectoryHandle(file, { create });
  return {
    name: 'browser storage',
    list: async () => {
      const entries: FolderEntry[] = [];
      for await (const [file, handle] of dir.entries()) {
        if (handle.kind !== 'directory') continue;
        for await (const [name, block] of handle.entries()) {
          if (block.kind !== 'file' || !/^\d+$/.test(name)) continue;
          const { size, lastModified } = await block.getFile();
          entries.push({ file, index: Number(name), sizeBytes: size, usedAtMs: lastModified });
        }
      }
      return entries;
    },
    read: async (file, index) => {
      try {
        const block = await (await within(file, false)).getFileHandle(String(index));
        return new Uint8Array(await (await block.getFile()).arrayBuffer());
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    write: async (file, index, bytes) => {
      const block = await (await within(file, true)).getFileHandle(String(index), { create: true });
      const writable = await block.createWritable();
      try {
        await writable.write(bytes as Uint8Array<ArrayBuffer>);
        await writable.close();
      } catch (error) {
        await writable.abort().catch(() => undefined);
        throw error;
      }
    },
    remove: async (file, index) => {
      try {
        await (await within(file, false)).removeEntry(String(index));
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    },
    touch: async () => undefined,
  };
}

const isAbsent = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotFoundError';
