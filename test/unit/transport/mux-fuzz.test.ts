import { describe, expect, it } from 'vitest';
import { CONNECTION_WINDOW_BYTES, INITIAL_CREDIT_BYTES } from '../../../src/protocol/chunk.ts';
import {
  decodeFrames,
  encodeFrame,
  FLAG_BY_RECEIVER,
  HEADER_BYTES,
  type Frame,
} from '../../../src/protocol/frame.ts';
import type { StreamMeta } from '../../../src/protocol/messages.ts';
import { isErrorCode, PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';
import type { StreamSink, StreamSource } from '../../../src/transport/channel.ts';
import { createMemoryPair } from '../../../src/transport/memory-pair.ts';
import { createChannel } from '../../../src/transport/mux.ts';
import type { PeerLink } from '../../../src/transport/peer-link.ts';
import { FlakyConnection } from '../../support/flaky-connection.ts';
import { filled, PEER_A, PEER_B, piece } from './channel-pair.ts';

/** Checks, from outside, that what one side sends keeps within the credit and the window that the other side granted. */
class CreditWatch {
  readonly #streams = new Map<number, { total: number; limit: number; sent: number }>();
  #sent = 0;
  #acknowledged = 0;

  sent(message: Uint8Array): void {
    for (const frame of decodeFrames(message)) this.#sentFrame(frame);
  }

  #sentFrame(frame: Frame): void {
    if (frame.type !== 'open' && frame.type !== 'data') return;
    this.#sent += HEADER_BYTES + frame.payload.length;
    expect(this.#sent - this.#acknowledged, '[CR4] window').toBeLessThanOrEqual(CONNECTION_WINDOW_BYTES);
    if (frame.type === 'open') {
      this.#streams.set(frame.stream, { total: frame.offset, limit: INITIAL_CREDIT_BYTES, sent: 0 });
      return;
    }
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) throw new Error(`data of stream ${frame.stream} before its OPEN`);
    expect(frame.offset, '[CH1] offset').toBe(stream.sent);
    stream.sent += frame.payload.length;
    expect(stream.sent, '[CR1] credit').toBeLessThanOrEqual(stream.limit);
    expect(stream.sent, '[CH5] total').toBeLessThanOrEqual(stream.total);
  }

  /** A message of the other side, seen when the sender gets it. */
  received(message: Uint8Array): void {
    for (const frame of decodeFrames(message)) this.#receivedFrame(frame);
  }

  #receivedFrame({ type, stream, offset, payload }: Frame): void {
    if (type !== 'credit') return;
    this.#acknowledged = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    const known = this.#streams.get(stream);
    if (known !== undefined) known.limit = Math.max(known.limit, offset);
  }
}

/** The same link, with every message shown to `watch`. */
function spied(link: PeerLink, watch: CreditWatch): PeerLink {
  return {
    maxMessageBytes: link.maxMessageBytes,
    send: (message) => {
      watch.sent(message);
      link.send(message);
    },
    close: () => link.close(),
    get onMessage() {
      return link.onMessage;
    },
    set onMessage(handler) {
      link.onMessage =
        handler &&
        ((message) => {
          watch.received(message);
          handler(message);
        });
    },
    get onClose() {
      return link.onClose;
    },
    set onClose(handler) {
      link.onClose = handler;
    },
  };
}

interface Wire {
  readonly links: { readonly a: PeerLink; readonly b: PeerLink };
  /** Delivers one message; false when none is under way. */
  readonly deliver: () => boolean;
  readonly disturb: () => void;
}

function soundWire(_random: Random, maxMessageBytes: number): Wire {
  const queue: (() => void)[] = [];
  const links = createMemoryPair({ maxMessageBytes, schedule: (deliver) => queue.push(deliver) });
  const deliver = (): boolean => {
    const next = queue.shift();
    next?.();
    return next !== undefined;
  };
  return { links, deliver, disturb: () => undefined };
}

let cuts = 0;
/** Connections break and are rebuilt all the time. */
function breakingWire(random: Random, maxMessageBytes: number): Wire {
  const connection = new FlakyConnection(random, maxMessageBytes);
  return {
    links: connection.links,
    deliver: () => connection.deliver(),
    disturb: () => {
      if (random.integer(60) === 0) {
        connection.cut();
        cuts += 1;
      }
      if (random.integer(3) === 0) connection.repair();
    },
  };
}

type Outcome = 'complete' | 'cancelled by sender' | 'refused';

const sizeOf = (random: Random): number => {
  const kind = random.integer(10);
  if (kind === 0) return 0;
  if (kind < 6) return random.integer(5_000);
  return kind < 9 ? random.integer(200_000) : random.integer(1_500_000);
};

/** Hundreds of streams in both directions at once, some cancelled, some refused, some with a late destination. */
async function fuzz(
  seed: number,
  streamsPerSide: number,
  wireOf = soundWire,
): Promise<Record<Outcome, number>> {
  const random = seededRandom(seed);
  const { links, deliver, disturb } = wireOf(
    random,
    [1025, 4096, 65_536, 262_144][random.integer(4)] as number,
  );
  let nowMs = 0;
  const clock = { now: () => (nowMs += random.next()), after: () => () => undefined };
  const sides = [
    createChannel({ link: spied(links.a, new CreditWatch()), peer: PEER_B, clock, defer: queueMicrotask }),
    createChannel({ link: spied(links.b, new CreditWatch()), peer: PEER_A, clock, defer: queueMicrotask }),
  ] as const;
  const counts: Record<Outcome, number> = { complete: 0, 'cancelled by sender': 0, refused: 0 };
  const lateDecisions: (() => void)[] = [];
  const aborts: AbortController[] = [];
  const pending: Promise<void>[] = [];
  const content = filled(1_500_000, random);

  const receive = (meta: StreamMeta, totalBytes: number): StreamSink | Promise<StreamSink> => {
    const shift = meta.kind === 'piece' ? meta.tile : 0;
    let ended = 0;
    const buffer = new Uint8Array(totalBytes);
    const ends = {
      done: () => {
        expect((ended += 1), 'ends once').toBe(1);
        expect(Buffer.compare(buffer, content.subarray(shift, shift + totalBytes)), 'bytes').toBe(0);
      },
      failed: (error: PeerceptronError) => {
        expect((ended += 1), 'ends once').toBe(1);
        expect(error.code).toBe('STREAM_CANCELLED');
      },
    };
    const sink: StreamSink =
      random.integer(2) === 0
        ? { buffer, ...ends }
        : { write: (chunk, offset) => buffer.set(chunk, offset), ...ends };
    const choice = random.integer(12);
    if (choice === 0) throw new PeerceptronError('FRAME_FAILED', 'refused at once');
    if (choice > 3) return sink;
    return new Promise((resolve, reject) => {
      lateDecisions.push(() => {
        if (choice === 1) reject(new PeerceptronError('ENGINE_MEMORY', 'refused late'));
        else resolve(sink);
      });
    });
  };
  for (const side of sides) side.onStream = receive;

  const start = (index: number): void => {
    const side = sides[index % 2] as (typeof sides)[number];
    const sizeBytes = sizeOf(random);
    const isWeight = random.integer(4) === 0;
    const shift = isWeight ? 0 : random.integer(content.length - sizeBytes + 1);
    const meta = isWeight
      ? ({ kind: 'weight', request: index } as const)
      : piece({ frame: random.integer(20), tile: shift });
    const data = content.subarray(shift, shift + sizeBytes);
    const abort = new AbortController();
    if (random.integer(8) === 0) aborts.push(abort);
    pending.push(
      side
        .sendStream(meta, random.integer(2) === 0 ? data : sourceOf(data), {
          priority: isWeight ? 'weight' : 'activation',
          signal: abort.signal,
        })
        .then(
          () => void (counts.complete += 1),
          (error: PeerceptronError) => {
            expect(error.code, error.message).toBe('STREAM_CANCELLED');
            counts[error.details.by === 'receiver' ? 'refused' : 'cancelled by sender'] += 1;
          },
        ),
    );
  };

  let settled = false;
  let started = 0;
  for (let calm = 0; !settled; calm += 1) {
    if (started < streamsPerSide * 2 && random.integer(2) === 0) start(started++);
    if (random.integer(3) === 0) lateDecisions.splice(random.integer(lateDecisions.length + 1), 1)[0]?.();
    if (random.integer(6) === 0) aborts.shift()?.abort();
    let isQuiet = false;
    for (let count = random.integer(8); count >= 0 && !isQuiet; count -= 1) {
      isQuiet = !deliver();
      if (!isQuiet) calm = 0;
    }
    disturb();
    await Promise.resolve();
    if (started === streamsPerSide * 2 && isQuiet && lateDecisions.length === 0) {
      void Promise.all(pending).then(() => (settled = true));
      if (calm > 1000) throw new Error(`stalled: ${JSON.stringify(counts)} of ${started}`);
    }
  }
  return counts;
}

describe('fuzz', () => {
  it('[CR1] [CR4] [CH1] thousands of streams arrive whole or end with a code, within credit and window', async () => {
    const totals = { complete: 0, 'cancelled by sender': 0, refused: 0 };
    for (let seed = 1; seed <= 12; seed += 1) {
      const counts = await fuzz(seed, 100).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      for (const outcome of Object.keys(totals) as Outcome[]) totals[outcome] += counts[outcome];
    }
    expect(totals.complete).toBeGreaterThan(1500);
    expect(totals['cancelled by sender']).toBeGreaterThan(30);
    expect(totals.refused).toBeGreaterThan(20);
  });

  it('[RES1] [CR1] [CH1] streams and windows do not notice that connections break and are rebuilt', async () => {
    let complete = 0;
    for (let seed = 1; seed <= 12; seed += 1) {
      const counts = await fuzz(seed, 60, breakingWire).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      complete += counts.complete;
    }
    expect(complete).toBeGreaterThan(800);
    expect(cuts).toBeGreaterThan(100);
  });

  it('[LIM1] mutated conversations never break a channel otherwise than by a coded end', async () => {
    const recorded = await record();
    let ended = 0;
    for (let seed = 0; seed < 1500; seed += 1) {
      const random = seededRandom(seed);
      const { a: link, b: hostile } = createMemoryPair();
      const channel = createChannel({
        link,
        peer: PEER_A,
        defer: queueMicrotask,
        limits: { maxStreamBytes: 10_000_000 },
      });
      channel.onControl = () => undefined;
      channel.onStream = (_meta, totalBytes) => ({
        buffer: new Uint8Array(totalBytes),
        done: () => undefined,
        failed: (error) => expect(isErrorCode(error.code)).toBe(true),
      });
      channel.sendStream(piece(), new Uint8Array(400_000), { priority: 'weight' }).catch(() => undefined);
      let isClosed = false;
      hostile.onClose = () => (isClosed = true);
      for (const message of recorded) {
        if (isClosed) break;
        for (const mutated of mutate(message, random)) if (!isClosed) hostile.send(mutated);
        await Promise.resolve();
      }
      const end = await Promise.race([channel.closed, Promise.resolve('open' as const)]);
      if (end !== 'open') {
        ended += 1;
        expect(end === undefined || isErrorCode(end.code), `seed ${seed}: ${String(end)}`).toBe(true);
        expect(end?.code, `seed ${seed}: ${String(end?.stack)}`).not.toBe('INTERNAL');
      }
      hostile.close();
    }
    expect(ended).toBeGreaterThan(1000);
  });
});

/** What a correct peer says in a short conversation. */
async function record(): Promise<Uint8Array[]> {
  const { a: link, b: far } = createMemoryPair();
  const messages: Uint8Array[] = [];
  far.onMessage = (message) => messages.push(message);
  const channel = createChannel({ link, peer: PEER_A, defer: queueMicrotask });
  channel.sendControl({ type: 'ping', nonce: 1 });
  const abort = new AbortController();
  await channel.sendStream(piece({ frame: 1 }), new Uint8Array(3_000), { priority: 'activation' });
  await channel.sendStream({ kind: 'weight', request: 1 }, new Uint8Array(60_000), { priority: 'weight' });
  const cancelled = channel.sendStream(piece(), new Uint8Array(300_000), {
    priority: 'activation',
    signal: abort.signal,
  });
  abort.abort();
  await cancelled.catch(() => undefined);
  const credit = { type: 'credit', flags: 0, priority: 0, stream: 1, offset: 400_000 } as const;
  await Promise.resolve();
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  const frames = messages.flatMap((message) => [...decodeFrames(message)]).length;
  expect(frames).toBeGreaterThan(messages.length);
  messages.push(encodeFrame({ ...credit, sequence: frames }, Uint8Array.of(100, 0, 0, 0)));
  messages.push(
    encodeFrame(
      { ...credit, type: 'cancel', flags: FLAG_BY_RECEIVER, offset: 0, sequence: frames + 1 },
      Uint8Array.of(0x92, 0xa8, ...new TextEncoder().encode('INTERNAL'), 0xa1, 0x78),
    ),
  );
  return messages;
}

function mutate(message: Uint8Array, random: Random): Uint8Array[] {
  const copy = message.slice();
  switch (random.integer(12)) {
    case 0:
      copy[random.integer(copy.length)] = random.integer(256);
      return [copy];
    case 1:
      // A field of the header, of any size.
      copy.set(
        Uint8Array.from({ length: 4 }, () => random.integer(256)),
        4 * random.integer(HEADER_BYTES / 4),
      );
      return [copy];
    case 2:
      return [copy.subarray(0, random.integer(copy.length))];
    case 3:
      return [copy, copy];
    case 4:
      return random.integer(4) === 0 ? [] : [copy];
    case 5:
      for (let count = 0; count < 5; count += 1) {
        copy[Math.min(copy.length - 1, HEADER_BYTES + random.integer(60))] = random.integer(256);
      }
      return [copy];
    default:
      return [copy];
  }
}

const sourceOf = (data: Uint8Array): StreamSource => ({
  totalBytes: data.length,
  read: (start, end) => data.slice(start, end),
});
