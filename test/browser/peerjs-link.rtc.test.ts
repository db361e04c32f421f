import { expect } from 'chai';
import { openRtcPeerjs } from '../../src/transport/peerjs-browser.ts';
import { openRtcBrowser } from '../../src/transport/simple-peer-browser.ts';
import { peerLinkSuite } from '../contract/peer-link-suite.ts';
import { connectRtcPair, startRtcPair } from '../contract/rtc-pair.ts';

/** PeerJS sometimes never opens a connection of two peers in one page; the next attempt does. */
const retried = (title: string, body: () => Promise<void> | void): void => {
  it(title, body).timeout(12_000).retries(3);
};

peerLinkSuite(
  'PeerJS over native WebRTC',
  async () => {
    const { a, b } = await connectRtcPair(openRtcPeerjs);
    return { a: a.link, b: b.link };
  },
  { describe, it: retried },
);

describe('connection by PeerJS', () => {
  it('[LK1] both sides see the same two fingerprints', async () => {
    const { a, b, connections } = await connectRtcPair(openRtcPeerjs);
    expect(a.localFingerprint).to.match(/^[0-9a-f]{64}$/);
    expect(a.localFingerprint).to.equal(b.remoteFingerprint);
    expect(b.localFingerprint).to.equal(a.remoteFingerprint);
    expect(connections[0].candidates().local).to.include('host');
    a.link.close();
  });

  it('connects with simple-peer, whichever makes the offer', async () => {
    for (const offers of [openRtcPeerjs, openRtcBrowser]) {
      const { a, b } = await connectRtcPair((options) =>
        (options.initiator ? offers : offers === openRtcPeerjs ? openRtcBrowser : openRtcPeerjs)(options),
      );
      const arrived = new Promise<Uint8Array>((resolve) => (b.link.onMessage = resolve));
      a.link.send(Uint8Array.of(1, 2, 3));
      expect([...(await arrived)]).to.deep.equal([1, 2, 3]);
      a.link.close();
    }
  });

  it('closed while it is being set up, it is LINK_CLOSED', async () => {
    const [offering, answering] = startRtcPair(openRtcPeerjs);
    offering.close();
    answering.close();
    for (const connection of [offering, answering]) {
      const error = await connection.opened.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.include({ code: 'LINK_CLOSED' });
    }
  });
});
