import type SimplePeer from 'simple-peer';
import { PeerceptronError } from '../shared/errors.ts';
import { DataChannelLink } from './data-channel-link.ts';
import { watchDisconnection } from './disconnection.ts';
import { Inbox } from './inbox.ts';
import { readRoute } from './link-route.ts';
import { RemoteSignals } from './remote-signals.ts';
import type {
  IceServer,
  OpenedRtc,
  OpenRtc,
  RtcCandidateKind,
  RtcCandidates,
  RtcConnection,
  RtcSignal,
} from './rtc.ts';
import { parseCandidateKind, parseDataDescription } from './session-description.ts';

/** The WebRTC constructors of the platform: the browser's own, or those of `wrtc`. */
export interface WebRtc {
  readonly RTCPeerConnection: typeof RTCPeerConnection;
  readonly RTCSessionDescription: typeof RTCSessionDescription;
  readonly RTCIceCandidate: typeof RTCIceCandidate;
}

export interface SimplePeerPlatform {
  readonly SimplePeer: SimplePeer.SimplePeer;
  readonly webRtc: WebRtc;
}

/** Chromium and libwebrtc take no more, whatever the description of the other side claims. */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** RFC 8841: what holds when a description does not say. */
const DEFAULT_MESSAGE_BYTES = 64 * 1024;
/** How long the other side has to close the channel when it was told that this one has sent its last. */
const LEAVE_TIMEOUT_MS = 1_000;
/** A channel that does not close in time, because the other side is gone, is torn down. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * `OpenRtc` over simple-peer. The two adapters beside this file bring the platform: `simple-peer-browser.ts` and
 * `simple-peer-node.ts`.
 */
export function simplePeerOpener(platform: SimplePeerPlatform): OpenRtc {
  return ({ initiator, iceServers }) => new SimplePeerConnection(platform, initiator, iceServers);
}

class SimplePeerConnection implements RtcConnection {
  readonly opened: Promise<OpenedRtc>;
  readonly #peer: SimplePeer.Instance;
  readonly #signals = new Inbox<RtcSignal>();
  readonly #localKinds = new Set<RtcCandidateKind>();
  readonly #guard: RemoteSignals;
  #connection: RTCPeerConnection | undefined;
  #channel: RTCDataChannel | undefined;
  #link: DataChannelLink | undefined;
  #failure: PeerceptronError | undefined;
  #resolveOpened!: (opened: OpenedRtc) => void;
  #rejectOpened!: (error: PeerceptronError) => void;
  #finishing = false;
  #ended = false;

  constructor(
    { SimplePeer, webRtc }: SimplePeerPlatform,
    initiator: boolean,
    iceServers: readonly IceServer[],
  ) {
    this.#guard = new RemoteSignals(initiator);
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    // Whoever awaits it still sees the rejection; whoever closed before anyone awaited must not crash the process.
    this.opened.catch(() => undefined);
    this.#peer = new SimplePeer({
      initiator,
      // Without it, simple-peer splits and joins messages like a byte stream.
      objectMode: true,
      trickle: true,
      // A timer that nothing waits for when candidates are sent one by one, and that no close clears: by itself it keeps a process five seconds longer.
      iceCompleteTimeout: 1,
      // Given even when empty: the library's own default asks two public STUN servers.
      config: { iceServers: iceServers.map((server) => ({ ...server, urls: [...server.urls] })) },
      wrtc: { ...webRtc, RTCPeerConnection: this.#observed(webRtc.RTCPeerConnection) },
    });
    this.#peer.on('signal', (signal: unknown) => this.#emitSignal(signal));
    this.#peer.on('connect', () => this.#onConnect());
    this.#peer.on('error', (error: Error) => {
      this.#failure ??= linkError(error, this.#link !== undefined);
    });
    this.#peer.on('close', () => this.#onPeerClose());
  }

  get onSignal(): ((signal: RtcSignal) => void) | undefined {
    return this.#signals.handler;
  }

  set onSignal(handler: ((signal: RtcSignal) => void) | undefined) {
    this.#signals.handler = handler;
  }

  signal(signal: RtcSignal): void {
    if (this.#ended) return;
    if (!this.#guard.accept(signal)) return;
    if (signal.type === 'candidate') {
      const { candidate, sdpMid, sdpMLineIndex } = signal;
      this.#peer.signal({
        type: 'candidate',
        candidate: { candidate, sdpMid, sdpMLineIndex } as RTCIceCandidate,
      });
    } else this.#peer.signal({ type: signal.type, sdp: signal.sdp });
  }

  candidates(): RtcCandidates {
    return { local: [...this.#localKinds], remote: this.#guard.kinds };
  }

  close(): void {
    if (this.#link !== undefined) this.#link.close();
    else this.#peer.destroy();
  }

  /** A constructor that remembers what simple-peer makes with it: the library itself hides its connection. */
  #observed(Native: typeof RTCPeerConnection): typeof RTCPeerConnection {
    const adopt = (connection: RTCPeerConnection): void => {
      this.#connection = connection;
      const stop = watchDisconnection(connection, () => {
        this.#failure ??= new PeerceptronError(
          'LINK_LOST',
          'the WebRTC connection was interrupted for too long',
        );
        this.#peer.destroy();
      });
      // simple-peer makes its connection while it is being made itself.
      queueMicrotask(() => this.#peer.once('close', stop));
      const createDataChannel = connection.createDataChannel.bind(connection);
      connection.createDataChannel = (...parameters) => (this.#channel = createDataChannel(...parameters));
      connection.addEventListener('datachannel', ({ channel }) => {
        if (this.#channel === undefined) this.#channel = channel;
        else channel.close();
      });
    };
    return function (configuration?: RTCConfiguration) {
      const connection: RTCPeerConnection = new Native(configuration);
      adopt(connection);
      return connection;
    } as unknown as typeof RTCPeerConnection;
  }

  #emitSignal(signal: unknown): void {
    if (typeof signal !== 'object' || signal === null || !('type' in signal)) return;
    if ((signal.type === 'offer' || signal.type === 'answer') && 'sdp' in signal) {
      this.#signals.push({ type: signal.type, sdp: String(signal.sdp) });
    } else if (signal.type === 'candidate' && 'candidate' in signal) {
      const { candidate, sdpMid, sdpMLineIndex } = signal.candidate as RTCIceCandidateInit;
      if (candidate === undefined || candidate === '') return;
      try {
        this.#localKinds.add(parseCandidateKind(candidate));
      } catch {
        return; // A form that the other side would refuse.
      }
      this.#signals.push({
        type: 'candidate',
        candidate,
        sdpMid: sdpMid ?? null,
        sdpMLineIndex: sdpMLineIndex ?? null,
      });
    }
  }

  #onConnect(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#channel === undefined || this.#ended) return;
    // simple-peer would let a second channel take the place of the first.
    connection.ondatachannel = null;
    try {
      const localFingerprint = parseDataDescription(connection.localDescription?.sdp ?? '').fingerprint;
      const remoteFingerprint = parseDataDescription(connection.remoteDescription?.sdp ?? '').fingerprint;
      const announced = connection.sctp?.maxMessageSize ?? DEFAULT_MESSAGE_BYTES;
      const maxMessageBytes = announced > 0 ? Math.min(announced, MAX_MESSAGE_BYTES) : DEFAULT_MESSAGE_BYTES;
      const port = {
        send: (message: Uint8Array<ArrayBuffer>): void => this.#send(message),
        leave: (text: string): void => this.#leave(text),
        finish: () => this.#finish(),
      };
      const link = new DataChannelLink(port, maxMessageBytes);
      this.#link = link;
      // Not before: simple-peer keeps what the other side sent while this one was still looking at its own statistics.
      this.#peer.on('data', (data: unknown) => link.received(asMessage(data)));
      // What comes from now on takes the short way, not through simple-peer's stream, which has emptied itself before the next event.
      this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => link.received(asMessage(data));
      this.#resolveOpened({ link, localFingerprint, remoteFingerprint, route: () => readRoute(connection) });
    } catch (thrown) {
      this.#failure ??= new PeerceptronError('LINK_LOST', 'the connection has no usable description', {
        cause: thrown,
      });
      this.#peer.destroy();
    }
  }

  /**
   * Looks right before the native call, with nothing in between: `send` of `wrtc` reads through a null pointer when another thread
   * closes the channel meanwhile, and events tell of a close only later.
   */
  #send(message: Uint8Array<ArrayBuffer>): void {
    const channel = this.#channel;
    if (channel?.readyState !== 'open') throw new Error('it is closed');
    channel.send(message);
  }

  #leave(text: string): void {
    const channel = this.#channel;
    if (channel?.readyState !== 'open') throw new Error('it is closed');
    channel.send(text);
    const timer = setTimeout(() => this.#finish(), LEAVE_TIMEOUT_MS);
    this.#peer.once('close', () => clearTimeout(timer));
  }

  /** Closes the channel first, which delivers what is queued; destroying the connection at once would drop it. */
  #finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    const timer = setTimeout(() => void this.#peer.destroy(), CLOSE_TIMEOUT_MS);
    this.#peer.once('close', () => clearTimeout(timer));
    try {
      this.#channel?.close();
    } catch {
      this.#peer.destroy();
    }
  }

  #onPeerClose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#rejectOpened(
      this.#failure ?? new PeerceptronError('LINK_CLOSED', 'the connection was closed before it was open'),
    );
    this.#link?.ended(this.#failure);
  }
}

/** Binary messages arrive as (subclasses of) `Uint8Array` over their own memory. */
function asMessage(data: unknown): Uint8Array | string | undefined {
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return undefined;
}

function linkError(error: Error, wasOpen: boolean): PeerceptronError {
  const code = 'code' in error ? String(error.code) : 'unknown';
  const noRoute = code === 'ERR_ICE_CONNECTION_FAILURE' || code === 'ERR_CONNECTION_FAILURE';
  if (noRoute && !wasOpen) {
    return new PeerceptronError(
      'LINK_NO_ROUTE',
      'no pair of addresses connects the two devices: check that they are on one network, or configure a TURN server',
      { cause: error },
    );
  }
  return new PeerceptronError('LINK_LOST', `the WebRTC connection failed: ${error.message}`, {
    cause: error,
  });
}
