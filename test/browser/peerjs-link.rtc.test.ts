import { expect } from 'chai';
import { openRtcPeerjs } from '../../src/transport/peerjs-browser.ts';
import { openRtcBrowser } from '../../src/transport/simple-peer-browser.ts';
import { peerLinkSuite, take } from '../contract/peer-link-suite.ts';
import { connectRtcPair, startRtcPair } from '../contract/rtc-pair.ts';

const Native = RTCPeerConnection;

/** Connections made within `body` are of this kind. */
async function withConnections<T>(kind: typeof RTCPeerConnection, body: () => Promise<T> | T): Promise<T> {
  globalThis.RTCPeerConnection = kind;
  try {
    return await body();
  } finally {
    globalThis.RTCPeerConnection = Native;
  }
}

peerLinkSuite(
  'PeerJS over native WebRTC',
  async () => {
    const { a, b } = await connectRtcPair(openRtcPeerjs);
    return { a: a.link, b: b.link };
  },
  { describe, it },
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

  it('waits for the description of the other side, where its channel is open before, and keeps what came', async () => {
    const connections: Late[] = [];
    /** Has not heard of the answer until `tell`. */
    class Late extends Native {
      #told = false;
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        connections.push(this);
      }
      override get signalingState(): RTCSignalingState {
        return this.#told ? super.signalingState : 'have-local-offer';
      }
      override get remoteDescription(): RTCSessionDescription | null {
        return this.#told ? super.remoteDescription : null;
      }
      tell(): void {
        this.#told = true;
        this.dispatchEvent(new Event('signalingstatechange'));
      }
    }
    const offering = await withConnections(Late, () => openRtcPeerjs({ initiator: true, iceServers: [] }));
    const answering = openRtcPeerjs({ initiator: false, iceServers: [] });
    offering.onSignal = (signal) => answering.signal(signal);
    answering.onSignal = (signal) => offering.signal(signal);
    let opened = false;
    void offering.opened.then(() => (opened = true));
    const { link } = await answering.opened;
    const [late] = connections;
    for (let index = 0; index < 3; index += 1) link.send(Uint8Array.of(index));
    // By the end of the answer to these statistics, the messages of before are there.
    await late!.getStats();
    expect(opened).to.equal(false);
    late!.tell();
    const here = await offering.opened;
    expect(here.remoteFingerprint).to.match(/^[0-9a-f]{64}$/);
    expect((await take(here.link, 3)).map(([first]) => first)).to.deep.equal([0, 1, 2]);
    here.link.close();
  });

  it('that finds no way to the other side is LINK_NO_ROUTE', async () => {
    const connections: Failing[] = [];
    class Failing extends Native {
      #failed = false;
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        connections.push(this);
      }
      override get iceConnectionState(): RTCIceConnectionState {
        return this.#failed ? 'failed' : super.iceConnectionState;
      }
      fail(): void {
        this.#failed = true;
        this.dispatchEvent(new Event('iceconnectionstatechange'));
      }
    }
    const offering = await withConnections(Failing, () => openRtcPeerjs({ initiator: true, iceServers: [] }));
    connections[0]!.fail();
    const error = await offering.opened.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.include({ code: 'LINK_NO_ROUTE' });
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
