import type { PeerLink } from './peer-link.ts';

/** What WebRTC peers say to each other through the (sealed) signaling channel, and nothing else. */
export type RtcSignal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | {
      readonly type: 'candidate';
      readonly candidate: string;
      readonly sdpMid: string | null;
      readonly sdpMLineIndex: number | null;
    };

/** What is known of a connection's addresses: enough to say in words why it failed. */
export interface RtcCandidates {
  /** Kinds of address seen so far; `mdns` is a host address that the browser hides behind a `.local` name. */
  readonly local: readonly RtcCandidateKind[];
  readonly remote: readonly RtcCandidateKind[];
}

export type RtcCandidateKind = 'host' | 'mdns' | 'srflx' | 'prflx' | 'relay';

/** Whether packets go from device to device, or through a TURN server. */
export type LinkRoute = 'direct' | 'relayed';

export interface OpenedRtc {
  readonly link: PeerLink;
  /** How packets go at the moment; undefined where nobody can tell. Absent: nobody can ever. Never rejects. */
  readonly route?: () => Promise<LinkRoute | undefined>;
  /** Lower-case hex SHA-256, without colons, from the descriptions that were really applied. */
  readonly localFingerprint: string;
  readonly remoteFingerprint: string;
}

/** One connection being set up. Implementation: `simple-peer.ts`, over native WebRTC or over `wrtc`. */
export interface RtcConnection {
  /** Hands over the other side's signal. Throws `PROTOCOL_MALFORMED` for a description that is not one data section with one SHA-256 fingerprint. */
  signal(signal: RtcSignal): void;
  /** One handler, set before the first `await`. */
  onSignal: ((signal: RtcSignal) => void) | undefined;
  /** The data channel is open; rejects with `LINK_CLOSED`, `LINK_NO_ROUTE` or `LINK_LOST`. The caller brings the time-out. */
  readonly opened: Promise<OpenedRtc>;
  candidates(): RtcCandidates;
  close(): void;
}

export type OpenRtc = (options: {
  readonly initiator: boolean;
  readonly iceServers: readonly IceServer[];
}) => RtcConnection;

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}
