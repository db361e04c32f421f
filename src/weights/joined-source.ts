import { PeerceptronError } from '../shared/errors.ts';
import { streamOf, type ByteSource } from './byte-source.ts';

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
  /** The stretches of the parts that lie in a range, in order. */
  async function* stretches(
    offsetBytes: number,
    lengthBytes: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Stretch> {
    const ends = await partEnds();
    signal?.throwIfAborted();
    const stop = Math.min(offsetBytes + lengthBytes, ends.at(-1) ?? 0);
    for (const [index, part] of parts.entries()) {
      const partStart = index === 0 ? 0 : ends[index - 1]!;
      const from = Math.max(offsetBytes, partStart);
      const to = Math.min(stop, ends[index]!);
      if (from < to) {
        yield {
          part,
          at: from - offsetBytes,
          from: from - partStart,
          length: to - from,
          size: ends[index]! - partStart,
        };
      }
    }
  }
  const short = ({ part, from, size }: Stretch, received: number): PeerceptronError =>
    new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `${part.name} ends after ${from + received} bytes, ${size} were expected: download it again`,
      { details: { source: part.name } },
    );
  return {
    name,
    size: async () => (await partEnds()).at(-1) ?? 0,
    read: async (offsetBytes, lengthBytes, signal) => {
      const found: Stretch[] = [];
      for await (const stretch of stretches(offsetBytes, lengthBytes, signal)) found.push(stretch);
      const result = new Uint8Array(found.reduce((sum, { length }) => sum + length, 0));
      for (const stretch of found) {
        const bytes = await stretch.part.read(stretch.from, stretch.length, signal);
        result.set(bytes, stretch.at);
        if (bytes.length < stretch.length) throw short(stretch, bytes.length);
      }
      return result;
    },
    async *stream(offsetBytes, lengthBytes, signal) {
      for await (const stretch of stretches(offsetBytes, lengthBytes, signal)) {
        let received = 0;
        for await (const chunk of streamOf(stretch.part, stretch.from, stretch.length, signal)) {
          received += chunk.length;
          yield chunk;
        }
        if (received < stretch.length) throw short(stretch, received);
      }
    },
  };
}

/** What a part contributes to a range. */
interface Stretch {
  readonly part: ByteSource;
  /** From the start of the range. */
  readonly at: number;
  /** In the part. */
  readonly from: number;
  readonly length: number;
  /** Of the whole part. */
  readonly size: number;
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
