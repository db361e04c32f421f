import {
  RTCIceCandidate,
  RTCPeerConnection as Polyfill,
  RTCPeerConnectionIceEvent,
  RTCSessionDescription,
} from 'node-datachannel/polyfill';
import SimplePeer from 'simple-peer';
import type { OpenRtc } from '../../src/transport/rtc.ts';
import { simplePeerOpener, type WebRtc } from '../../src/transport/simple-peer.ts';

/** simple-peer writes to the descriptions it gets, and those of the polyfill have getters only. */
function plain(description: RTCSessionDescriptionInit | null): RTCSessionDescription | null {
  if (!description?.type) return null;
  return { type: description.type, sdp: description.sdp } as RTCSessionDescription;
}

/**
 * The answering side answers by itself as soon as it is offered something, and with the candidates of the offer it connects and starts DTLS before
 * the other side has its answer. That one drops what comes too early (DTLS repeats it after a second), or closes itself: "Got a remote
 * candidate without ICE transport". So candidates of an offer wait until the answer has been sent.
 */
class PeerConnection extends Polyfill {
  #isAnswering = false;
  #markAnswered!: () => void;
  readonly #answered = new Promise<void>((resolve) => (this.#markAnswered = resolve));

  override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.#isAnswering = description.type === 'offer';
    const sdp = this.#isAnswering
      ? description.sdp?.replace(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, '')
      : description.sdp;
    await super.setRemoteDescription({ type: description.type, sdp: sdp ?? '' });
  }

  override async setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void> {
    await super.setLocalDescription(description as RTCSessionDescriptionInit);
    // simple-peer sends the answer right after this.
    if (description?.type === 'answer') setImmediate(this.#markAnswered);
  }

  override async addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#isAnswering) {
      await this.#answered;
      if (this.connectionState === 'closed') return;
    }
    await super.addIceCandidate(candidate);
  }

  override async createOffer(): Promise<RTCSessionDescriptionInit> {
    return plain((await super.createOffer()) as RTCSessionDescriptionInit) as RTCSessionDescriptionInit;
  }

  override async createAnswer(): Promise<RTCSessionDescriptionInit> {
    return plain((await super.createAnswer()) as RTCSessionDescriptionInit) as RTCSessionDescriptionInit;
  }

  override get localDescription(): RTCSessionDescription {
    return plain(super.localDescription) as RTCSessionDescription;
  }

  override get remoteDescription(): RTCSessionDescription {
    return plain(super.remoteDescription) as RTCSessionDescription;
  }

  /** Candidates come as lines of a description, `a=candidate:…`; RFC 8839 and every other implementation have them without `a=`. */
  override dispatchEvent(event: Event): boolean {
    if (event.type !== 'icecandidate') return super.dispatchEvent(event);
    const { candidate, sdpMid } = (event as RTCPeerConnectionIceEvent).candidate;
    const stripped = new RTCIceCandidate({ candidate: candidate.replace(/^a=/, ''), sdpMid });
    return super.dispatchEvent(new RTCPeerConnectionIceEvent(stripped));
  }
}

/** The WebRTC constructors of `node-datachannel` (libdatachannel), as simple-peer needs them. */
export const nodeDatachannel = {
  RTCPeerConnection: PeerConnection,
  RTCSessionDescription,
  RTCIceCandidate,
} as unknown as WebRtc;

/** The other WebRTC library for Node, to compare with: docs/transport.md. */
export const openRtcNodeDatachannel: OpenRtc = simplePeerOpener({ SimplePeer, webRtc: nodeDatachannel });
