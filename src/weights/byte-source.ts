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
  /**
   * The same bytes as they arrive, in order, for whoever need not hold them all: a chunk is the consumer's until it asks for
   * the next. Without it `streamOf` reads piece by piece. Ends early where the source ends.
   */
  stream?(offsetBytes: number, lengthBytes: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Read at a time from sources that do not stream. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** `lengthBytes` bytes from `offsetBytes` as they arrive; fewer where the source ends. */
export function streamOf(
  source: ByteSource,
  offsetBytes: number,
  lengthBytes: number,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  return (
    source.stream?.(offsetBytes, lengthBytes, signal) ?? pieces(source, offsetBytes, lengthBytes, signal)
  );
}

async function* pieces(
  source: ByteSource,
  offsetBytes: number,
  lengthBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const end = offsetBytes + lengthBytes;
  for (let at = offsetBytes; at < end;) {
    const wanted = Math.min(PIECE_BYTES, end - at);
    const bytes = await source.read(at, wanted, signal);
    if (bytes.length > 0) yield bytes;
    if (bytes.length < wanted) return;
    at += bytes.length;
  }
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
