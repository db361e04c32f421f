import { open, type FileHandle } from 'node:fs/promises';
import { PeerceptronError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';

/** Read at a time by who takes the bytes as they come. */
const PIECE_BYTES = 256 * 1024;

/**
 * A local file. It is opened for each read and closed again, so that a model of hundreds of shards does not hold
 * hundreds of descriptors and nothing has to be disposed of.
 */
export function fileBytes(path: string): ByteSource {
  const within = async <T>(use: (handle: FileHandle) => Promise<T>): Promise<T> => {
    const handle = await opened(path);
    try {
      return await use(handle);
    } catch (cause) {
      if (cause instanceof Error && 'syscall' in cause) throw unavailable(path, cause);
      throw cause;
    } finally {
      await handle.close();
    }
  };
  return {
    name: path,
    async *stream(offsetBytes, lengthBytes, signal) {
      const handle = await opened(path);
      try {
        const buffer = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, lengthBytes)));
        for (let done = 0; done < lengthBytes;) {
          signal?.throwIfAborted();
          const wanted = Math.min(buffer.length, lengthBytes - done);
          const { bytesRead } = await handle
            .read(buffer, 0, wanted, offsetBytes + done)
            .catch((cause: unknown) => {
              throw unavailable(path, cause);
            });
          if (bytesRead === 0) return;
          yield buffer.subarray(0, bytesRead);
          done += bytesRead;
        }
      } finally {
        await handle.close();
      }
    },
    size: () => within(async (handle) => (await handle.stat()).size),
    read: (offsetBytes, lengthBytes, signal) =>
      within(async (handle) => {
        const { size } = await handle.stat();
        const bytes = new Uint8Array(Math.max(0, Math.min(lengthBytes, size - offsetBytes)));
        let filled = 0;
        while (filled < bytes.length) {
          signal?.throwIfAborted();
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offsetBytes + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        signal?.throwIfAborted();
        return bytes.subarray(0, filled);
      }),
  };
}

function opened(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((cause: unknown) => {
    throw unavailable(path, cause);
  });
}

function unavailable(path: string, cause: unknown): PeerceptronError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason =
    code === 'ENOENT'
      ? 'there is no such file: check the path, or fetch the model again'
      : code === 'EACCES'
        ? 'permission denied: make the file readable'
        : code === 'EISDIR'
          ? 'it is a directory: name the file inside it'
          : cause instanceof Error
            ? cause.message
            : String(cause);
  return new PeerceptronError('WEIGHTS_UNAVAILABLE', `cannot read ${path}: ${reason}`, {
    cause,
    details: { path, reason: code },
  });
}
