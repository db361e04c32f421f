import { afterEach, describe, expect, it } from 'vitest';
import type { StreamMeta } from '../../src/protocol/messages.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { asPeerId, asSessionId } from '../../src/shared/ids.ts';
import { createChannel } from '../../src/transport/mux.ts';
import type { OpenRtc } from '../../src/transport/rtc.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { connectRtcPair, startRtcPair, type RtcPair } from './rtc-pair.ts';

const sizeBytes = 51_380_224;
const megabytesPerSecond = (startMs: number): string =>
  `${(sizeBytes / 1e3 / (performance.now() - startMs)).toFixed(0)} MB/s`;
const meta: StreamMeta = {
  kind: 'piece',
  session: asSessionId('5'.repeat(32)),
  epoch: 0,
  frame: 0,
  lanes: [],
  segment: 0,
  tile: 0,
  input: 0,
  piece: 0,
  codec: 'f32',
};

let pair: RtcPair | undefined;
const openPair = async (open: OpenRtc = openRtcNode): Promise<RtcPair> => (pair = await connectRtcPair(open));
afterEach(() => {
  pair?.a.link.close();
  pair = undefined;
});

describe('channel over wrtc', () => {
  it('carries 51 MB, as fast as the raw data channel does (printed)', async () => {
    const { a, b } = await openPair();
    const data = new Uint8Array(sizeBytes);
    for (let index = 0; index < data.length; index += 4099) data[index] = index;

    // The bare link, with 4 MiB under way: libwebrtc closes a channel that is given 16 MiB at once.
    const chunkBytes = 64 * 1024;
    const ahead = 64;
    const rawStartMs = performance.now();
    await new Promise<void>((resolve) => {
      let offset = 0;
      let acknowledged = 0;
      const sendNext = (): void => {
        if (offset < sizeBytes) a.link.send(data.subarray(offset, (offset += chunkBytes)));
      };
      // The last acknowledgement is awaited too: a stray one would be a violation in the channel that follows.
      a.link.onMessage = () => {
        acknowledged += chunkBytes;
        if (acknowledged >= sizeBytes) resolve();
        else sendNext();
      };
      b.link.onMessage = () => b.link.send(new Uint8Array(1));
      for (let index = 0; index < ahead; index += 1) sendNext();
    });
    const raw = megabytesPerSecond(rawStartMs);

    const sender = createChannel({ link: a.link, peer: asPeerId('b'.repeat(32)) });
    const receiver = createChannel({ link: b.link, peer: asPeerId('a'.repeat(32)) });
    const muxStartMs = performance.now();
    const received = new Promise<Uint8Array>((resolve, reject) => {
      receiver.onStream = (_meta, totalBytes) => {
        const buffer = new Uint8Array(totalBytes);
        return { buffer, done: () => resolve(buffer), failed: reject };
      };
    });
    await sender.sendStream(meta, data, { priority: 'activation' });
    const bytes = await received;
    console.log(`51 MB over loopback: raw data channel ${raw}, channel ${megabytesPerSecond(muxStartMs)}`);
    expect(Buffer.compare(bytes, data)).toBe(0);

    // Control under bulk: a ping overtakes what the link has not taken yet.
    const roundTripsMs: number[] = [];
    const bulk = sender.sendStream(meta, data, { priority: 'activation' });
    let bulkDone = false;
    void bulk.then(() => (bulkDone = true));
    receiver.onControl = (message) => {
      if (message.type === 'ping') receiver.sendControl({ type: 'pong', nonce: message.nonce });
    };
    for (let nonce = 0; !bulkDone; nonce += 1) {
      const startMs = performance.now();
      await new Promise<void>((resolve) => {
        sender.onControl = () => resolve();
        sender.sendControl({ type: 'ping', nonce });
      });
      roundTripsMs.push(performance.now() - startMs);
    }
    roundTripsMs.sort((x, y) => x - y);
    const at = (share: number): string =>
      (roundTripsMs[Math.floor(share * (roundTripsMs.length - 1))] ?? NaN).toFixed(1);
    console.log(`control under bulk: ${roundTripsMs.length} pings, median ${at(0.5)} ms, p95 ${at(0.95)} ms`);
    await bulk;
  }, 30_000);

  it('a reason given to close reaches the other side', async () => {
    const { a, b } = await openPair();
    const one = createChannel({ link: a.link, peer: asPeerId('b'.repeat(32)) });
    const two = createChannel({ link: b.link, peer: asPeerId('a'.repeat(32)) });
    const reason = new PeerceptronError('SESSION_REFUSED', 'no more memory');
    one.close(reason);
    expect(await one.closed).toBe(reason);
    expect(await two.closed).toMatchObject({
      code: 'SESSION_REFUSED',
      message: expect.stringContaining('no more memory') as string,
    });
  });

  it('survives 30 cycles of connecting and closing, whoever closes and whenever', async () => {
    for (let cycle = 0; cycle < 30; cycle += 1) {
      if (cycle % 5 === 4) {
        // Closed while the connection is being set up.
        const [offering, answering] = startRtcPair(openRtcNode);
        offering.close();
        await expect(offering.opened).rejects.toMatchObject({ code: 'LINK_CLOSED' });
        answering.close();
        await expect(answering.opened).rejects.toMatchObject({ code: 'LINK_CLOSED' });
        continue;
      }
      const { a, b } = await connectRtcPair(openRtcNode);
      const closed = [a, b].map(
        ({ link }) => new Promise((resolve) => (link.onClose = (error) => resolve(error))),
      );
      a.link.send(new Uint8Array(1000));
      if (cycle % 3 === 0) b.link.close();
      if (cycle % 3 !== 1) a.link.close();
      else b.link.close();
      expect(await Promise.all(closed)).toEqual([undefined, undefined]);
    }
  });
});
