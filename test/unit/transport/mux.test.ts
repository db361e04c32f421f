import { describe, expect, it } from 'vitest';
import {
  CONNECTION_WINDOW_BYTES,
  FRAME_BYTES,
  INITIAL_CREDIT_BYTES,
  SMALL_FRAME_BYTES,
} from '../../../src/protocol/chunk.ts';
import { decodeFrames, FLAG_BY_RECEIVER, HEADER_BYTES, type Frame } from '../../../src/protocol/frame.ts';
import type { ControlMessage } from '../../../src/protocol/messages.ts';
import { decodePayload, decodeReason, encodeReason } from '../../../src/protocol/payload.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import type { BufferSink, StreamSink, StreamSource } from '../../../src/transport/channel.ts';
import { createMemoryPair } from '../../../src/transport/memory-pair.ts';
import { createChannel } from '../../../src/transport/mux.ts';
import { channelPair, collect, filled, PEER_A, piece, SESSION } from './channel-pair.ts';
import { framesOf, scripted } from './scripted-peer.ts';

const activation = { priority: 'activation' } as const;
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const ping = (nonce: number): ControlMessage => ({ type: 'ping', nonce });
const noSink = (totalBytes: number): BufferSink => ({
  buffer: new Uint8Array(totalBytes),
  done: () => undefined,
  failed: () => undefined,
});

describe('streams', () => {
  it('[CH1] carries a stream of 51 MB unchanged', async () => {
    const { a, b } = channelPair();
    const data = filled(51_380_224, seededRandom(1));
    const received = collect(b);
    await a.sendStream(piece({ frame: 1 }), data, activation);
    const [stream] = await received.complete(1);
    expect(stream?.error).toBe(undefined);
    expect(Buffer.compare(stream?.bytes ?? bytes(0), data)).toBe(0);
  });

  it('[CH1] completes a stream of 0 bytes with its announcement', async () => {
    const { a, b } = channelPair();
    const received = collect(b);
    await a.sendStream(piece({ frame: 5 }), bytes(0), activation);
    const [stream] = await received.complete(1);
    expect(stream).toMatchObject({ meta: { frame: 5 }, bytes: bytes(0) });
  });

  it('[CH10] sends what a source makes, and hands it over, chunk by chunk', async () => {
    const { a, b } = channelPair();
    const totalBytes = 500_001;
    const scratch = new Uint8Array(FRAME_BYTES);
    const source: StreamSource = {
      totalBytes,
      read: (start, end) => {
        for (let at = start; at < end; at++) scratch[at - start] = at % 251;
        return scratch.subarray(0, end - start);
      },
    };
    const received = new Uint8Array(totalBytes);
    let next = 0;
    const done = new Promise<void>((resolve) => {
      b.onStream = () => ({
        write: (chunk, offset) => {
          expect(offset).toBe(next);
          received.set(chunk, offset);
          next += chunk.length;
        },
        done: resolve,
        failed: () => undefined,
      });
    });
    await a.sendStream(piece(), source, activation);
    await done;
    expect(received.every((value, at) => value === at % 251)).toBe(true);
    expect(next).toBe(totalBytes);
  });

  it('[CA1] a source that throws gives up its stream and no other', async () => {
    const { a, b } = channelPair();
    const received = collect(b);
    const source: StreamSource = {
      totalBytes: 100_000,
      read: (start, end) => {
        if (start > 50_000) throw new PeerceptronError('INPUT_INVALID', 'cannot go on');
        return bytes(end - start);
      },
    };
    await expect(a.sendStream(piece(), source, activation)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await a.sendStream(piece({ frame: 2 }), bytes(10), activation);
    const [first, second] = await received.complete(2);
    expect(first?.error).toMatchObject({ code: 'STREAM_CANCELLED', details: { code: 'INPUT_INVALID' } });
    expect(second?.error).toBe(undefined);
  });

  it('[CA2] a sink that throws refuses its stream and no other', async () => {
    const { a, b } = channelPair();
    const failures: string[] = [];
    let writes = 0;
    b.onStream = (_meta, totalBytes) =>
      totalBytes === 10
        ? noSink(10)
        : {
            write: () => {
              if (++writes === 3) throw new PeerceptronError('PROTOCOL_MALFORMED', 'no number');
            },
            done: () => failures.push('done'),
            failed: ({ code }) => failures.push(code),
          };
    await expect(a.sendStream(piece(), bytes(3_000_000), activation)).rejects.toMatchObject({
      code: 'STREAM_CANCELLED',
      details: { code: 'PROTOCOL_MALFORMED', by: 'receiver' },
    });
    await a.sendStream(piece({ frame: 2 }), bytes(10), activation);
    expect({ failures, writes }).toEqual({ failures: ['PROTOCOL_MALFORMED'], writes: 3 });
  });

  it.each([1024, 1500, 16_384, 65_536, 262_144])(
    '[CH2] sends no message above 64 KiB or the maximum of the link (%i bytes)',
    async (maxMessageBytes) => {
      const { a: link, b: far } = createMemoryPair({ maxMessageBytes });
      let largest = 0;
      let total = 0;
      const done = new Promise<void>((resolve) => {
        far.onMessage = (message) => {
          largest = Math.max(largest, message.length);
          for (const frame of decodeFrames(message)) if (frame.type === 'data') total += frame.payload.length;
          if (total === 50_000) resolve();
        };
      });
      const channel = createChannel({ link, peer: PEER_A });
      await channel.sendStream(piece(), bytes(50_000), activation);
      await done;
      // A window that has not grown yet takes small chunks.
      expect(largest).toBe(Math.min(SMALL_FRAME_BYTES, maxMessageBytes));
    },
  );

  it('[CH2] refuses a link whose messages are too small', () => {
    const { a: link } = createMemoryPair({ maxMessageBytes: 1023 });
    expect(() => createChannel({ link, peer: PEER_A })).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_LIMIT' }) as Error,
    );
  });

  it('[CH10] refuses a buffer of the wrong length, which is a fault of this side only', async () => {
    const { a, b } = channelPair();
    const failures: string[] = [];
    b.onStream = () => ({ ...noSink(9), failed: (error) => failures.push(error.code) });
    await a.sendStream(piece(), bytes(10), activation);
    const later = collect(b);
    await a.sendStream(piece(), bytes(10), activation);
    expect((await later.complete(1))[0]?.error).toBe(undefined);
    expect(failures).toEqual(['INTERNAL']);
  });
});

describe('credit', () => {
  it('[CR1] sends no more than 256 KiB before the receiver grants more', async () => {
    const { channel, sent, settle, credit } = scripted();
    const sending = channel.sendStream(piece(), bytes(1_000_000), activation);
    const sentBytes = (): number =>
      framesOf(sent, 'data').reduce((sum, frame) => sum + frame.payload.length, 0);
    const messageBytes = (): number =>
      sent.reduce((sum, frame) => sum + HEADER_BYTES + frame.payload.length, 0);
    await settle();
    for (let turn = 0; turn < 5; turn += 1) {
      credit(0, 0, messageBytes());
      await settle();
    }
    expect(sentBytes()).toBe(INITIAL_CREDIT_BYTES);
    credit(1, 300_000, messageBytes());
    await settle();
    expect(sentBytes()).toBe(300_000);
    credit(1, 1_000_000, messageBytes());
    for (let turn = 0; turn < 20; turn += 1) {
      await settle();
      credit(0, 0, messageBytes());
    }
    await sending;
    expect(sentBytes()).toBe(1_000_000);
  });

  it('[CR3] grants nothing while the destination is unknown, and holds what came', async () => {
    const { channel, sent, settle, open, data } = scripted();
    let decide: (sink: StreamSink) => void = () => undefined;
    channel.onStream = () => new Promise((resolve) => (decide = resolve));
    open(1, 1_000_000);
    for (let offset = 0; offset < 240_000; offset += 60_000) data(1, offset, bytes(60_000));
    await settle();
    expect(framesOf(sent, 'credit').every(({ stream }) => stream === 0)).toBe(true);
    const sink = noSink(1_000_000);
    decide(sink);
    await settle();
    const grant = framesOf(sent, 'credit').find(({ stream }) => stream === 1);
    expect(grant?.offset).toBe(1_000_000);
    expect(sink.buffer.subarray(0, 240_000)).toEqual(bytes(240_000));
    expect(sink.buffer[240_000]).toBe(0);
  });

  it('[CR5] acknowledges at once what it is asked to, and else only what is owed for long', async () => {
    const { channel, sent, settle, open, data } = scripted();
    channel.onStream = () => noSink(100_000);
    open(1, 100_000);
    data(1, 0, bytes(1_000));
    await settle();
    expect(framesOf(sent, 'credit')).toEqual([]);
    data(1, 1_000, bytes(1_000), { flags: 1 });
    data(1, 2_000, bytes(1_000));
    await settle();
    expect(framesOf(sent, 'credit').length).toBe(1);
  });

  it('[CR9] answers CREDIT with the flag at once, news or not, and does not ask back', async () => {
    const { sent, settle, send } = scripted();
    send({ type: 'credit', flags: 1 }, new Uint8Array(4));
    send({ type: 'credit' }, new Uint8Array(4));
    await settle();
    const [answer, ...more] = framesOf(sent, 'credit');
    expect(more).toEqual([]);
    expect([answer!.flags, answer!.stream, answer!.offset]).toEqual([0, 0, 0]);
  });

  it('[CR6] acknowledges what is held up to the budget, and nothing beyond', async () => {
    const { channel, sent, settle, open, data } = scripted({ limits: { maxHeldBytes: 100_000 } });
    let decide: (sink: StreamSink) => void = () => undefined;
    channel.onStream = () => new Promise((resolve) => (decide = resolve));
    open(1, 1_000_000);
    for (let offset = 0; offset < 240_000; offset += 40_000) data(1, offset, bytes(40_000), { flags: 1 });
    const acknowledged = (): number => {
      const last = framesOf(sent, 'credit').at(-1)?.payload;
      return last === undefined ? 0 : new DataView(last.buffer, last.byteOffset).getUint32(0, true);
    };
    await settle();
    expect(acknowledged()).toBeGreaterThan(80_000);
    expect(acknowledged()).toBeLessThan(100_000);
    decide(noSink(1_000_000));
    await settle();
    expect(acknowledged()).toBeGreaterThan(240_000);
  });

  it('[CR4] keeps at most one window under way, whatever the streams may send', async () => {
    const { channel, sent, settle } = scripted();
    for (let index = 0; index < 20; index += 1) {
      channel.sendStream(piece({ piece: index }), bytes(200_000), activation).catch(() => undefined);
    }
    await settle();
    const underWay = sent.reduce((sum, frame) => sum + HEADER_BYTES + frame.payload.length, 0);
    expect(underWay).toBeLessThanOrEqual(CONNECTION_WINDOW_BYTES);
    expect(underWay).toBeGreaterThan(48 * 1024);
  });

  it('[CR8] credit for a finished stream only acknowledges', async () => {
    const { channel, settle, credit, closed } = scripted();
    await channel.sendStream(piece(), bytes(10), activation);
    await settle();
    credit(1, 10, 10);
    await settle();
    expect(await closed()).toBe('open');
  });
});

describe('control messages', () => {
  it('[MSG2] carries a message of 4 MB in fragments, and [MSG3] refuses more than 4 MiB', async () => {
    const { a, b } = channelPair();
    const graph = 'g'.repeat(4_000_000);
    const received = new Promise<ControlMessage>((resolve) => (b.onControl = resolve));
    a.sendControl({ type: 'prepare', session: SESSION, epoch: 1, graph, plan: null, window: 1 });
    expect(await received).toMatchObject({ type: 'prepare', graph });
    const tooLarge = {
      type: 'prepare',
      session: SESSION,
      epoch: 1,
      graph: graph + graph,
      plan: null,
      window: 1,
    };
    expect(() => a.sendControl(tooLarge as ControlMessage)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_LIMIT' }) as Error,
    );
  });

  it('[MSG4] hands messages and streams over in order of arrival when the handlers come late', async () => {
    const { channel, settle, open, send } = scripted();
    const order: string[] = [];
    const control = (nonce: number): void =>
      send(
        { type: 'control', flags: 1 },
        Uint8Array.from([
          0x82,
          0xa4,
          ...ascii('type'),
          0xa4,
          ...ascii('ping'),
          0xa5,
          ...ascii('nonce'),
          nonce,
        ]),
      );
    control(1);
    open(1, 0);
    control(2);
    open(2, 0);
    await settle();
    channel.onControl = (message) => order.push(message.type === 'ping' ? `ping ${message.nonce}` : '?');
    channel.onStream = (_meta, totalBytes) => {
      order.push('stream');
      return noSink(totalBytes);
    };
    control(3);
    await settle();
    expect(order).toEqual(['ping 1', 'stream', 'ping 2', 'stream', 'ping 3']);
  });

  it('[MSG5] [PR1] need no window, and overtake every stream that the link has not taken', async () => {
    const { channel, sent, settle } = scripted();
    channel.sendStream(piece(), bytes(1_000_000), activation).catch(() => undefined);
    await settle();
    const before = sent.length;
    channel.sendControl(ping(1));
    await settle();
    expect(sent.slice(before).map(({ type }) => type)).toEqual(['control']);
  });
});

describe('priorities', () => {
  it('[PR2] sends older frames first and weights last, within what the window still holds back', async () => {
    const { channel, sent, settle, credit } = scripted();
    const send = (frame: number): void => {
      channel.sendStream(piece({ frame }), bytes(150_000), activation).catch(() => undefined);
    };
    channel
      .sendStream({ kind: 'weight', request: 0 }, bytes(200_000), { priority: 'weight' })
      .catch(() => undefined);
    send(9);
    send(3);
    send(3);
    send(7);
    for (let turn = 0; turn < 40; turn += 1) {
      await settle();
      credit(
        0,
        0,
        sent.reduce((sum, frame) => sum + HEADER_BYTES + frame.payload.length, 0),
      );
    }
    // The weights came first and had the empty link to themselves until its window was full.
    const frameOf = new Map(
      framesOf(sent, 'open').map(({ stream, payload }) => [
        stream,
        (decodePayload(payload) as { frame?: number }).frame,
      ]),
    );
    const order = [...new Set(framesOf(sent, 'data').map(({ stream }) => stream))];
    expect(order.map((stream) => frameOf.get(stream))).toEqual([undefined, 3, 3, 7, 9]);
    expect(framesOf(sent, 'data').at(-1)?.stream).toBe(1);
  });
});

describe('cancelling', () => {
  it('[CA1] a stream that waits is dropped without a word; one under way sends CANCEL and stops', async () => {
    const { channel, sent, settle } = scripted();
    const first = new AbortController();
    const second = new AbortController();
    const results = [
      channel.sendStream(piece({ frame: 1 }), bytes(1_000_000), { ...activation, signal: first.signal }),
      channel.sendStream(piece({ frame: 2 }), bytes(10), { ...activation, signal: second.signal }),
    ].map((sending) => sending.catch((error: PeerceptronError) => error.code));
    await settle();
    second.abort();
    await settle();
    expect(framesOf(sent, 'cancel')).toHaveLength(0);
    expect(framesOf(sent, 'open')).toHaveLength(1);
    first.abort();
    await settle();
    expect(framesOf(sent, 'cancel')).toMatchObject([{ stream: 1, flags: 0 }]);
    expect(await Promise.all(results)).toEqual(['STREAM_CANCELLED', 'STREAM_CANCELLED']);
  });

  it('[CA5] a refusal, thrown or rejected, reaches the sender with its code', async () => {
    for (const refuse of [
      (error: Error) => {
        throw error;
      },
      (error: Error) => Promise.reject(error),
    ]) {
      const { a, b } = channelPair();
      b.onStream = () => refuse(new PeerceptronError('ENGINE_MEMORY', 'no room'));
      const sending = a.sendStream(piece(), bytes(2_000_000), activation);
      await expect(sending).rejects.toMatchObject({
        code: 'STREAM_CANCELLED',
        details: { code: 'ENGINE_MEMORY', by: 'receiver' },
      });
    }
  });

  it('[CA2] throws away and acknowledges what is under way after a refusal; [CA3] the sender confirms', async () => {
    const { channel, sent, settle, open, data, send, closed } = scripted();
    channel.onStream = () => {
      throw new PeerceptronError('FRAME_FAILED', 'dropped');
    };
    open(1, 1_000_000);
    for (let offset = 0; offset < 240_000; offset += 60_000) data(1, offset, bytes(60_000), { flags: 1 });
    await settle();
    const refusal = framesOf(sent, 'cancel')[0] as Frame;
    expect(refusal).toMatchObject({ stream: 1, flags: FLAG_BY_RECEIVER });
    expect(decodeReason(refusal.payload)).toEqual({ code: 'FRAME_FAILED', message: 'dropped' });
    expect(framesOf(sent, 'credit').length).toBeGreaterThan(0);
    send({ type: 'cancel', stream: 1 }, encodeReason({ code: 'FRAME_FAILED', message: '' }));
    await settle();
    expect(await closed()).toBe('open');
    data(1, 240_000, bytes(1));
    await settle();
    expect(await closed()).toMatchObject({ code: 'PROTOCOL_ORDER' });
  });

  it('[CA5] the sink learns that the sender gave up, also when it becomes known later', async () => {
    const { channel, settle, open, send } = scripted();
    const failures: string[] = [];
    const sink = { ...noSink(10), failed: (error: PeerceptronError) => failures.push(error.code) };
    let decide: (sink: StreamSink) => void = () => undefined;
    channel.onStream = (_meta, total) => (total === 10 ? sink : new Promise((resolve) => (decide = resolve)));
    const reason = encodeReason({ code: 'STREAM_CANCELLED', message: 'gone' });
    open(1, 10);
    send({ type: 'cancel', stream: 1 }, reason);
    open(2, 11);
    send({ type: 'cancel', stream: 2 }, reason);
    await settle();
    expect(failures).toEqual(['STREAM_CANCELLED']);
    decide({ ...sink, buffer: bytes(11) });
    await settle();
    expect(failures).toEqual(['STREAM_CANCELLED', 'STREAM_CANCELLED']);
  });

  it('[CA2] a sink that is aborted refuses the rest', async () => {
    const { a, b } = channelPair();
    const abort = new AbortController();
    const failed = new Promise<PeerceptronError>((resolve) => {
      b.onStream = (_meta, totalBytes) => {
        queueMicrotask(() => abort.abort(new PeerceptronError('FRAME_FAILED', 'dropped')));
        return { ...noSink(totalBytes), signal: abort.signal, failed: resolve };
      };
    });
    const sending = a.sendStream(piece(), bytes(20_000_000), activation);
    await expect(sending).rejects.toMatchObject({ details: { code: 'FRAME_FAILED' } });
    expect((await failed).code).toBe('FRAME_FAILED');
  });

  it('[CA4] a refusal of a stream that is already sent is ignored', async () => {
    const { channel, settle, send, sent, closed } = scripted();
    await channel.sendStream(piece(), bytes(10), activation);
    await settle();
    send(
      { type: 'cancel', flags: FLAG_BY_RECEIVER, stream: 1 },
      encodeReason({ code: 'INTERNAL', message: '' }),
    );
    await settle();
    expect(await closed()).toBe('open');
    expect(framesOf(sent, 'cancel')).toHaveLength(0);
  });
});

describe('the end', () => {
  it('[CL1] an orderly close settles both sides without an error', async () => {
    const { a, b } = channelPair();
    a.close();
    expect(await Promise.all([a.closed, b.closed])).toEqual([undefined, undefined]);
    expect(() => a.sendControl(ping(1))).toThrow(expect.objectContaining({ code: 'LINK_CLOSED' }) as Error);
    await expect(b.sendStream(piece(), bytes(1), activation)).rejects.toMatchObject({ code: 'LINK_CLOSED' });
  });

  it('[CL1] the reason of a close reaches the other side', async () => {
    const { a, b } = channelPair();
    a.close(new PeerceptronError('SESSION_REFUSED', 'no memory'));
    expect(await b.closed).toMatchObject({ code: 'SESSION_REFUSED', details: { by: 'remote' } });
  });

  it.each(['drop', 'close'] as const)('[CL2] every stream ends once, with a LINK_ code (%s)', async (how) => {
    const { a, b, links } = channelPair();
    const codes: string[] = [];
    b.onStream = (_meta, total) => ({
      ...noSink(total),
      failed: (error) => codes.push(`sink ${error.code}`),
    });
    const sending = a.sendStream(piece(), bytes(30_000_000), activation);
    const waiting = a.sendStream(piece({ frame: 1 }), bytes(10), activation);
    const results = [sending, waiting].map((promise) =>
      promise.catch((error: PeerceptronError) => error.code),
    );
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    if (how === 'drop') links.drop();
    else a.close();
    const code = how === 'drop' ? 'LINK_LOST' : 'LINK_CLOSED';
    expect(await Promise.all(results)).toEqual([code, code]);
    await b.closed;
    expect(codes).toEqual([`sink ${code}`]);
    expect((await a.closed)?.code).toBe(how === 'drop' ? 'LINK_LOST' : undefined);
  });

  it('[CL3] a handler that throws ends its own link with CLOSE', async () => {
    const { a, b } = channelPair();
    b.onControl = () => {
      throw new TypeError('bug');
    };
    a.sendControl(ping(1));
    expect(await a.closed).toMatchObject({ code: 'INTERNAL' });
    expect(await b.closed).toMatchObject({ code: 'INTERNAL' });
  });
});

function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0));
}
