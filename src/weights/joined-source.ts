import { PeerceptronError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';

/** How many sizes are asked for at a time. */
const SIZE_REQUESTS = 8;

/**
 * Several sources as one run of consecutive bytes: the shards of a weight group. With `expectedBytes` (what the
 * manifest says) equal shards with a shorter last one are recognised from two sizes, so that a model of hundreds of
 * shards does not begin with hundreds of requests.
 */
export function joinedBytes(name: string, parts: readonly ByteSource[], expectedBytes?: number): ByteSource {
  if (parts.length === 1) return parts[0]!;
  let pending: Promise<number[]> | undefined;
  // A failed or cancelled attempt is forgotten: the next read asks again.
  const partEnds = (): Promise<number[]> =>
    (pending ??= findEnds(parts, expectedBytes).catch((error: unknown) => {
      pending = undefined;
      throw error;
    }));
  return {
    name,
    size: async () => (await partEnds()).at(-1) ?? 0,
    read: async (offsetBytes, lengthBytes, signal) => {
      const ends = await partEnds();
      signal?.throwIfAborted();
      const stop = Math.min(offsetBytes + lengthBytes, ends.at(-1) ?? 0);
      const result = new Uint8Array(Math.max(0, stop - offsetBytes));
      let filled = 0;
      for (const [index, part] of parts.entries()) {
        const partStart = index === 0 ? 0 : ends[index - 1]!;
        const from = Math.max(offsetBytes, partStart);
        const to = Math.min(stop, ends[index]!);
        if (from >= to) continue;
        const bytes = await part.read(from - partStart, to - from, signal);
        result.set(bytes, filled);
        filled += bytes.length;
        if (bytes.length < to - from) {
          throw new PeerceptronError(
            'WEIGHTS_CORRUPT',
            `${part.name} ends after ${from - partStart + bytes.length} bytes, ${ends[index]! - partStart} were expected: download it again`,
          );
        }
      }
      return result;
    },
  };
}

async function findEnds(parts: readonly ByteSource[], expectedBytes?: number): Promise<number[]> {
  if (expectedBytes !== undefined && parts.length > 2) {
    const [first, last] = await Promise.all([parts[0]!.size(), parts.at(-1)!.size()]);
    const whole = parts.length - 1;
    if (first * whole + last === expectedBytes && last <= first) {
      return parts.map((_, index) => (index < whole ? first * (index + 1) : expectedBytes));
    }
  }
  const sizes: number[] = [];
  for (let start = 0; start < parts.length; start += SIZE_REQUESTS) {
    sizes.push(...(await Promise.all(parts.slice(start, start + SIZE_REQUESTS).map((part) => part.size()))));
  }
  let end = 0;
  return sizes.map((size) => (end += size));
}
