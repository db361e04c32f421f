import { expect } from 'chai';
import { asPeerId, asSessionId } from '../../src/shared/ids.ts';
import { createChannel } from '../../src/transport/mux.ts';
import { openRtcBrowser } from '../../src/transport/simple-peer-browser.ts';
import { peerLinkSuite } from '../contract/peer-link-suite.ts';
import { connectRtcPair } from '../contract/rtc-pair.ts';

peerLinkSuite(
  'simple-peer over native WebRTC',
  async () => {
    const { a, b } = await connectRtcPair(openRtcBrowser);
    return { a: a.link, b: b.link };
  },
  { describe, it },
);

describe('connection over native WebRTC', () => {
  it('[LK1] both sides see the same two fingerprints, and the kinds of their addresses', async () => {
    const { a, b, connections } = await connectRtcPair(openRtcBrowser);
    expect(a.localFingerprint).to.match(/^[0-9a-f]{64}$/);
    expect(a.localFingerprint).to.equal(b.remoteFingerprint);
    expect(b.localFingerprint).to.equal(a.remoteFingerprint);
    expect(a.localFingerprint).not.to.equal(a.remoteFingerprint);
    expect(connections[0].candidates().local).to.include('host');
    a.link.close();
  });

  it('a channel carries 51 MB unchanged', async () => {
    const { a, b } = await connectRtcPair(openRtcBrowser);
    const sender = createChannel({ link: a.link, peer: asPeerId('b'.repeat(32)) });
    const receiver = createChannel({ link: b.link, peer: asPeerId('a'.repeat(32)) });
    const data = new Uint8Array(51_380_224);
    for (let index = 0; index < data.length; index += 4099) data[index] = index;
    const startMs = performance.now();
    const received = new Promise<Uint8Array>((resolve, reject) => {
      receiver.onStream = (_meta, totalBytes) => {
        const buffer = new Uint8Array(totalBytes);
        return { buffer, done: () => resolve(buffer), failed: reject };
      };
    });
    const meta = { session: asSessionId('5'.repeat(32)), epoch: 0, frame: 0, lanes: [], segment: 0 };
    await sender.sendStream({ kind: 'piece', ...meta, tile: 0, input: 0, piece: 0, codec: 'f32' }, data, {
      priority: 'activation',
    });
    const bytes = await received;
    const seconds = (performance.now() - startMs) / 1000;
    console.log(`51 MB over loopback in this browser: ${(51.4 / seconds).toFixed(0)} MB/s`);
    expect(bytes.every((byte, index) => byte === data[index])).to.equal(true);
    sender.close();
    expect(await receiver.closed).to.equal(undefined);
  });
});
