import { Peer, type DataConnection } from 'peerjs';
import { PeerceptronError } from '../shared/errors.ts';
import { DataChannelLink } from './data-channel-link.ts';
import { watchDisconnection } from './disconnection.ts';
import { Inbox } from './inbox.ts';
import { readRoute } from './link-route.ts';
import { RemoteSignals } from './remote-signals.ts';
import type {
  IceServer,
  LinkRoute,
  OpenedRtc,
  OpenRtc,
  RtcCandidateKind,
  RtcConnection,
  RtcSignal,
} from './rtc.ts';
import { parseCandidateKind, parseDataDescription } from './session-description.ts';

const MAX_MESSAGE_BYTES = 256 * 1024;
/** RFC 8841: what holds when a description does not say. */
const DEFAULT_MESSAGE_BYTES = 64 * 1024;
/** How long the other side has to close the channel when it was told that this one has sent its last. */
const LEAVE_TIMEOUT_MS = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** Before this side is ready: a HELLO, and a few more. */
const MAX_EARLY_MESSAGES = 16;
/** Names of the two ends within one `Peer`; no server ever sees them. */
const OTHER = 'other';
const CONNECTION = { connectionId: 'dc', label: 'dc', serialization: 'raw', reliable: true } as const;

/** What PeerJS says to its server, and hears from it. */
interface ServerMessage {
  readonly type: string;
  readonly src?: string;
  readonly payload?: unknown;
}

/** In place of the library's socket to a PeerServer. */
interface ServerConnection {
  start(): void;
  send(message: ServerMessage): void;
  close(): void;
  removeAllListeners(): void;
}

/** The parts of `Peer` that its types do not show: it makes its socket by one method, and takes messages by another. */
interface PeerInternals {
  _createServerConnection(): ServerConnection;
  _handleMessage(message: ServerMessage): void;
}

/**
 * WebRTC by PeerJS, with its raw serialization: what `mux` sends is a message of the data channel, as it is. The library's offers,
 * answers and candidates do not go to a PeerServer by themselves; they are signals like those of any other connection, and travel sealed.
 * @throws LINK_NO_ROUTE where the browser has no WebRTC
 */
export const openRtcPeerjs: OpenRtc = ({ initiator, iceServers }) => {
  if (typeof RTCPeerConnection === 'undefined') {
    throw new PeerceptronError(
      'LINK_NO_ROUTE',
      'this browser has no WebRTC, or it is switched off: use another browser',
    );
  }
  return new PeerjsConnection(initiator, iceServers);
};

class PeerjsConnection implements RtcConnection {
  readonly opened: Promise<OpenedRtc>;
  readonly #peer: Peer;
  readonly #guard: RemoteSignals;
  readonly #signals = new Inbox<RtcSignal>();
  readonly #localKinds = new Set<RtcCandidateKind>();
  /** Candidates that came before the connection that they belong to. */
  #deliver!: (message: ServerMessage) => void;
  #connection: DataConnection | undefined;
  #link: DataChannelLink | undefined;
  /** What came while the connection was not ready. */
  readonly #early: (Uint8Array | string | undefined)[] = [];
  #failure: PeerceptronError | undefined;
  #resolveOpened!: (opened: OpenedRtc) => void;
  #rejectOpened!: (error: PeerceptronError) => void;
  #stopWatching = (): void => undefined;
  #finishing = false;
  #ended = false;

  constructor(initiator: boolean, iceServers: readonly IceServer[]) {
    this.#guard = new RemoteSignals(initiator);
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    // Whoever awaits it still sees the rejection.
    this.opened.catch(() => undefined);
    this.#peer = this.#createPeer(iceServers);
    this.#peer.on('error', (error) => {
      this.#failure ??= linkError(error, this.#link !== undefined);
      this.#end();
    });
    if (initiator) this.#adopt(this.#peer.connect(OTHER, CONNECTION));
    else this.#peer.on('connection', (connection) => this.#adopt(connection));
  }

  get onSignal(): ((signal: RtcSignal) => void) | undefined {
    return this.#signals.handler;
  }

  set onSignal(handler: ((signal: RtcSignal) => void) | undefined) {
    this.#signals.handler = handler;
  }

  signal(signal: RtcSignal): void {
    if (this.#ended || !this.#guard.accept(signal)) return;
    if (signal.type === 'candidate') {
      const { candidate, sdpMid, sdpMLineIndex } = signal;
      const payload = { candidate: { candidate, sdpMid, sdpMLineIndex }, type: 'data' };
      this.#deliver({ type: 'CANDIDATE', src: OTHER, payload: { ...payload, ...CONNECTION } });
      return;
    }
    const payload = { sdp: { type: signal.type, sdp: signal.sdp }, type: 'data' };
    this.#deliver({ type: signal.type.toUpperCase(), src: OTHER, payload: { ...payload, ...CONNECTION } });
  }

  candidates() {
    return { local: [...this.#localKinds], remote: this.#guard.kinds };
  }

  close(): void {
    if (this.#link !== undefined) this.#link.close();
    else this.#end();
  }

  #createPeer(iceServers: readonly IceServer[]): Peer {
    const connection: ServerConnection = {
      start: () => undefined,
      send: (message) => this.#emitSignal(message),
      close: () => undefined,
      removeAllListeners: () => undefined,
    };
    const peers: PeerInternals[] = [];
    class SealedPeer extends (Peer as unknown as new (id: string, options: object) => PeerInternals) {
      override _createServerConnection(): ServerConnection {
        peers.push(this);
        return connection;
      }
    }
    const config = { iceServers: iceServers.map((server) => ({ ...server, urls: [...server.urls] })) };
    const peer = new SealedPeer('self', { config, debug: 0, host: 'none.invalid' });
    this.#deliver = (message) => peers[0]!._handleMessage(message);
    return peer as unknown as Peer;
  }

  #emitSignal({ type, payload }: ServerMessage): void {
    const { sdp, candidate } = (payload ?? {}) as {
      sdp?: { sdp?: string };
      candidate?: RTCIceCandidateInit;
    };
    if (type === 'OFFER' || type === 'ANSWER') {
      this.#signals.push({ type: type === 'OFFER' ? 'offer' : 'answer', sdp: String(sdp?.sdp) });
    } else if (type === 'CANDIDATE' && candidate?.candidate) {
      try {
        this.#localKinds.add(parseCandidateKind(candidate.candidate));
      } catch {
        return; // A form that the other side would refuse.
      }
      this.#signals.push({
        type: 'candidate',
        candidate: candidate.candidate,
        sdpMid: candidate.sdpMid ?? null,
        sdpMLineIndex: candidate.sdpMLineIndex ?? null,
      });
    }
  }

  #adopt(connection: DataConnection): void {
    if (this.#connection !== undefined) return connection.close();
    this.#connection = connection;
    connection.on('open', () => this.#onChannelOpen(connection));
    connection.on('data', (data) => this.#onData(data));
    connection.on('close', () => this.#end());
    connection.on('error', (error) => {
      this.#failure ??= linkError(error, this.#link !== undefined);
      // The library says `close` of a connection that was open, and nothing of one that never was.
      if (this.#link === undefined) this.#end();
    });
  }

  /**
   * Chromium tells that the channel is open while two things are still to come: on a busy machine, that the answer was
   * applied, without which there is no description to read; and on the answering side, that its network thread knows
   * who gets the messages. Those of a channel that is closed before are dropped. The statistics come from that thread.
   */
  #onChannelOpen(connection: DataConnection): void {
    const { peerConnection } = connection;
    this.#stopWatching = watchDisconnection(peerConnection, () => {
      this.#failure ??= new PeerceptronError(
        'LINK_LOST',
        'the WebRTC connection was interrupted for too long',
      );
      this.#end();
    });
    // One channel is all that there is.
    peerConnection.ondatachannel = ({ channel }) => channel.close();
    const changes = ['signalingstatechange', 'connectionstatechange'] as const;
    const look = (): void => {
      const isReady =
        peerConnection.signalingState === 'stable' && peerConnection.connectionState === 'connected';
      if (!isReady && !this.#ended) return;
      for (const change of changes) peerConnection.removeEventListener(change, look);
      if (this.#ended) return;
      const ready = (): void => this.#onReady(connection);
      peerConnection.getStats().then(ready, ready);
    };
    for (const change of changes) peerConnection.addEventListener(change, look);
    look();
  }

  #onData(data: unknown): void {
    const message =
      typeof data === 'string' ? data : data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
    if (this.#link) this.#link.received(message);
    else if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(message);
    else {
      this.#failure ??= new PeerceptronError('PROTOCOL_LIMIT', 'the other side sent too much at once');
      this.#end();
    }
  }

  #onReady({ peerConnection, dataChannel }: DataConnection): void {
    if (this.#ended || this.#link) return;
    try {
      const localFingerprint = parseDataDescription(peerConnection.localDescription?.sdp ?? '').fingerprint;
      const remoteFingerprint = parseDataDescription(peerConnection.remoteDescription?.sdp ?? '').fingerprint;
      const announced = peerConnection.sctp?.maxMessageSize ?? DEFAULT_MESSAGE_BYTES;
      const maxMessageBytes = announced > 0 ? Math.min(announced, MAX_MESSAGE_BYTES) : DEFAULT_MESSAGE_BYTES;
      const port = {
        // Not the library's `send`: it keeps what the channel may still have to copy.
        send: (message: Uint8Array<ArrayBuffer>): void => dataChannel.send(message),
        leave: (text: string): void => this.#leave(dataChannel, text),
        finish: () => this.#finish(dataChannel),
      };
      const link = new DataChannelLink(port, maxMessageBytes);
      this.#link = link;
      for (const message of this.#early.splice(0)) link.received(message);
      const route = (): Promise<LinkRoute | undefined> => readRoute(peerConnection);
      this.#resolveOpened({ link, localFingerprint, remoteFingerprint, route });
    } catch (thrown) {
      this.#failure ??= new PeerceptronError('LINK_LOST', 'the connection has no usable description', {
        cause: thrown,
      });
      this.#end();
    }
  }

  #leave(channel: RTCDataChannel, text: string): void {
    channel.send(text);
    const timer = setTimeout(() => this.#finish(channel), LEAVE_TIMEOUT_MS);
    channel.addEventListener('close', () => clearTimeout(timer));
  }

  /** Closes the channel first, which delivers what is queued; its end is that of the connection. */
  #finish(channel: RTCDataChannel): void {
    if (this.#finishing) return;
    this.#finishing = true;
    const timer = setTimeout(() => this.#end(), CLOSE_TIMEOUT_MS);
    channel.addEventListener('close', () => {
      clearTimeout(timer);
      this.#end();
    });
    channel.close();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWatching();
    this.#rejectOpened(
      this.#failure ?? new PeerceptronError('LINK_CLOSED', 'the connection was closed before it was open'),
    );
    // Not within a handler of the library, which still looks at what it is about to end.
    queueMicrotask(() => this.#peer.destroy());
    this.#link?.ended(this.#failure);
  }
}

function linkError(error: Error & { readonly type?: string }, wasOpen: boolean): PeerceptronError {
  const noRoute = error.type === 'negotiation-failed' && !wasOpen;
  return noRoute
    ? new PeerceptronError(
        'LINK_NO_ROUTE',
        'no pair of addresses connects the two devices: check that they are on one network, or configure a TURN server',
        { cause: error },
      )
    : new PeerceptronError('LINK_LOST', `the WebRTC connection failed: ${error.message}`, { cause: error });
}
