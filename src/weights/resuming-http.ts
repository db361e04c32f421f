import type { ByteSource } from './byte-source.ts';
import { downloadRange, retriedFileVersion, type DownloadOptions } from './http-file.ts';
import { httpBytes } from './http-source.ts';

/**
 * A file on a server, exactly the bytes that are asked for, resumed where a connection breaks. For readers that keep what
 * they have read themselves.
 */
export function resumingHttpBytes(url: string, options: Omit<DownloadOptions, 'signal'>): ByteSource {
  const plain = httpBytes(url, { fetch: options.fetch });
  let ignoresRange = false;
  return {
    name: url,
    size: async (signal) =>
      (await retriedFileVersion(url, { ...options, signal }))?.sizeBytes ?? plain.size(signal),
    read: async (offsetBytes, lengthBytes, signal) => {
      signal?.throwIfAborted();
      if (lengthBytes <= 0) return new Uint8Array(0);
      const bytes = new Uint8Array(lengthBytes);
      let filled = 0;
      const take = (chunk: Uint8Array): void => {
        bytes.set(chunk, filled);
        filled += chunk.length;
      };
      const range = { startBytes: offsetBytes, endBytes: offsetBytes + lengthBytes };
      if (!ignoresRange) {
        const result = await downloadRange(url, range, take, { ...options, signal });
        if (result !== 'no-ranges') return bytes.subarray(0, filled);
        ignoresRange = true;
      }
      return plain.read(offsetBytes, lengthBytes, signal);
    },
  };
}
