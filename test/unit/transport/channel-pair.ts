import type { PieceMeta, StreamMeta } from '../../../src/protocol/messages.ts';
import type { PeerceptronError } from '../../../src/shared/errors.ts';
import { asPeerId, asSessionId } from '../../../src/shared/ids.ts';
import type { Random } from '../../../src/shared/random.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import {
  createMemoryPair,
  type MemoryPair,
  type MemoryPairOptions,
} from '../../../src/transport/memory-pair.ts';
import { createChannel, type ChannelOptions } from '../../../src/transport/mux.ts';

export const PEER_A = asPeerId('a'.repeat(32));
export const PEER_B = asPeerId('b'.repeat(32));
export const SESSION = asSessionId('5'.repeat(32));

export interface ChannelPair {
  readonly a: PeerChannel;
  readonly b: PeerChannel;
  readonly links: MemoryPair;
}

/** Two channels over an in-memory link; `a` is the channel *to* peer B. */
export function channelPair(
  options: { link?: MemoryPairOptions; channel?: Omit<ChannelOptions, 'link' | 'peer'> } = {},
): ChannelPair {
  const links = createMemoryPair(options.link);
  return {
    a: createChannel({ link: links.a, peer: PEER_B, ...options.channel }),
    b: createChannel({ link: links.b, peer: PEER_A, ...options.channel }),
    links,
  };
}

export function piece(fields: Partial<PieceMeta> = {}): PieceMeta {
  return {
    kind: 'piece',
    session: SESSION,
    epoch: 1,
    frame: 0,
    lanes: [0],
    segment: 0,
    tile: 0,
    input: 0,
    piece: 0,
    codec: 'f32',
    ...fields,
  };
}

export function filled(length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, length >> 2);
  for (let i = 0; i < words.length; i += 1) words[i] = random.integer(2 ** 32);
  for (let i = words.length * 4; i < length; i += 1) bytes[i] = random.integer(256);
  return bytes;
}

export interface Received {
  readonly meta: StreamMeta;
  readonly bytes: Uint8Array;
  error?: PeerceptronError;
}

/** Accepts every stream; `complete(n)` resolves with all that ended once `n` have, well or badly. */
export function collect(channel: PeerChannel): {
  complete(count: number): Promise<Received[]>;
  ended: Received[];
} {
  const ended: Received[] = [];
  const waiters: { count: number; resolve: (all: Received[]) => void }[] = [];
  const note = (received: Received): void => {
    ended.push(received);
    for (const waiter of waiters) if (ended.length >= waiter.count) waiter.resolve(ended);
  };
  channel.onStream = (meta, totalBytes) => {
    const bytes = new Uint8Array(totalBytes);
    return {
      buffer: bytes,
      done: () => note({ meta, bytes }),
      failed: (error) => note({ meta, bytes, error }),
    };
  };
  return {
    ended,
    complete: (count) =>
      new Promise((resolve) => {
        if (ended.length >= count) resolve(ended);
        else waiters.push({ count, resolve });
      }),
  };
}
