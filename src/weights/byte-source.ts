import { PeerceptronError } from '../shared/errors.ts';

/** Random access to bytes: a file, a URL, a buffer, a part of another source. */
export interface ByteSource {
  /** For messages: a path or a URL. */
  readonly name: string;
  /** @throws WEIGHTS_UNAVAILABLE when the source is out of reach or does not tell its size. */
  size(signal?: AbortSignal): Promise<number>;
  /**
   * Resolves to `lengthBytes` bytes from `offsetBytes`, or to fewer where the source ends: the caller knows what is
   * missing and says so. The result may share memory with the source: read it, do not write to it.
   * @throws WEIGHTS_UNAVAILABLE, or the signal's reason.
   */
  read(offsetBytes: number, lengthBytes: number, signal?: AbortSignal): Promise<Uint8Array>;
}

export function memoryBytes(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: async () => bytes.length,
    read: async (offsetBytes, lengthBytes, signal) => {
      signal?.throwIfAborted();
      return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}

/** The whole source at once: for small text files. Refuses more than `limitBytes` with `code`. */
export async function readAll(
  source: ByteSource,
  limitBytes: number,
  code: 'MODEL_CORRUPT' | 'WEIGHTS_CORRUPT',
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await source.read(0, limitBytes + 1, signal);
  if (bytes.length > limitBytes) {
    throw new PeerceptronError(
      code,
      `${source.name} is larger than ${limitBytes} bytes, too large for what it should hold: check that it is the right file`,
    );
  }
  return bytes;
}
