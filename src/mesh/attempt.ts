import { HelloExchange } from '../protocol/hello.ts';
import type { Capabilities } from '../protocol/messages.ts';
import { parseSignalBody, type Envelope, type SealedLine } from '../protocol/sealing.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerId } from '../shared/ids.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { PeerLink } from '../transport/peer-link.ts';
import { ResumableLink } from '../transport/resumable-link.ts';
import type { SpareMemory } from '../transport/spare-memory.ts';
import type { IceServer, LinkRoute, OpenedRtc, OpenRtc, RtcConnection } from '../transport/rtc.ts';
import { WatchedLink } from './watched-link.ts';
import { explainNoLink, type DialProgress } from './why-no-link.ts';

/** A refused side hears why before the link ends: it closes the link itself, or this side does after this time. */
const REFUSAL_LINGER_MS = 1_000;

/** A proven channel, and what carries it. */
export interface Connection {
  /** Names the channel towards its peer, for HELLO: the nonces of its first connection. */
  readonly id: string;
  readonly channel: PeerChannel;
  readonly resumable: ResumableLink;
  /** The connection of the moment, or the last one, and how its packets go. */
  watched: WatchedLink;
  route: ReadRoute;
}

export type ReadRoute = () => Promise<LinkRoute | undefined>;

/** Puts streams and control messages on a link; `transport/mux.ts` in production. */
export type CreateChannel = (options: { readonly link: PeerLink; readonly peer: PeerId }) => PeerChannel;

export interface AttemptOptions {
  readonly self: PeerId;
  readonly peer: PeerId;
  readonly line: SealedLine;
  readonly proofKey: Uint8Array;
  readonly capabilities: Capabilities;
  readonly versions: readonly number[];
  readonly iceServers: readonly IceServer[];
  readonly clock: Clock;
  readonly openRtc: OpenRtc;
  readonly createChannel: CreateChannel;
  readonly spareMemory: SpareMemory;
  /** Hands a sealed payload to the signaling server. */
  readonly relay: (payload: string) => void;
  /** Id of the channel with this peer that is to go on over the new connection, if there is one by the time it opens. */
  readonly resumes: () => string | undefined;
  /** A new channel is up. */
  readonly onConnected: (connection: Connection, capabilities: Capabilities) => void;
  /** Both sides go on with the channel that has this id. */
  readonly onResumed: (id: string, watched: WatchedLink, route: ReadRoute) => void;
  /** The connection under a channel of this attempt broke. */
  readonly onSuspended: (connection: Connection, cause: PeerceptronError) => void;
  readonly onFailed: (error: PeerceptronError) => void;
}

type AttemptState =
  | { readonly state: 'connecting' }
  | {
      readonly state: 'greeting';
      readonly link: PeerLink;
      readonly route: ReadRoute;
      readonly exchange: HelloExchange;
    }
  | { readonly state: 'over' };

/** One try at a connection, from the moment when both nonces are known to an authenticated channel or an error. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #rtc: RtcConnection;
  #state: AttemptState = { state: 'connecting' };
  #signalsReceived = 0;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { self, peer, iceServers, openRtc, line, relay } = options;
    try {
      this.#rtc = openRtc({ initiator: self < peer, iceServers });
    } catch (thrown) {
      // WebRTC is missing or out of connections: the same as one that fails at once.
      this.#rtc = unavailable(thrown);
    }
    this.#rtc.onSignal = (signal) => {
      if (this.#state.state === 'connecting') relay(line.seal('signal', signal));
    };
    this.#rtc.opened.then(
      (opened) => this.#greet(opened),
      (thrown: unknown) => {
        const error = toPeerceptronError(thrown, 'LINK_LOST');
        // WebRTC looked for a route and gave up by itself: say why, as after a time-out.
        const searched = error.code === 'LINK_NO_ROUTE' && this.#signalsReceived > 0;
        this.#fail(searched ? explainNoLink(peer, this.progress()) : error);
      },
    );
  }

  get line(): SealedLine {
    return this.#options.line;
  }

  progress(): DialProgress {
    if (this.#state.state === 'greeting') return { phase: 'greeting' };
    const isTurn = (url: string): boolean => /^turns?:/i.test(url);
    return {
      phase: 'connecting',
      candidates: this.#rtc.candidates(),
      signalsReceived: this.#signalsReceived,
      hasTurn: this.#options.iceServers.some((server) => server.urls.some(isTurn)),
    };
  }

  /**
   * A `signal` of the other side. Once the data channel is open none is accepted any more: a connection that has been
   * proven cannot be renegotiated through the server.
   * @returns false when it was not sealed for this place; such messages change nothing
   */
  receive(envelope: Envelope): boolean {
    if (this.#state.state !== 'connecting') return true;
    let body: unknown;
    try {
      body = this.#options.line.open(envelope);
    } catch (thrown) {
      // Whoever relays can forge and repeat; only what the peer truly sealed, once, may end the attempt.
      const { code } = toPeerceptronError(thrown);
      if (code === 'PROTOCOL_MALFORMED') this.#fail(toPeerceptronError(thrown));
      return code !== 'AUTH_FAILED';
    }
    try {
      const signal = parseSignalBody(body);
      this.#signalsReceived += 1;
      this.#rtc.signal(signal);
    } catch (thrown) {
      this.#fail(toPeerceptronError(thrown, 'PROTOCOL_MALFORMED'));
    }
    return true;
  }

  /** Gives up without a callback. */
  close(): void {
    const { state } = this.#state;
    this.#state = { state: 'over' };
    if (state !== 'over') this.#rtc.close();
  }

  #greet(opened: OpenedRtc): void {
    if (this.#state.state !== 'connecting') return;
    const { self, peer, line, proofKey, capabilities, versions } = this.#options;
    const { link, route = unknownRoute } = opened;
    const exchange = new HelloExchange({
      role: self < peer ? 'initiator' : 'responder',
      self,
      peer,
      selfNonce: line.ownNonce,
      peerNonce: line.peerNonce,
      localFingerprint: opened.localFingerprint,
      remoteFingerprint: opened.remoteFingerprint,
      proofKey,
      capabilities,
      versions,
      resumes: this.#options.resumes(),
    });
    this.#state = { state: 'greeting', link, route, exchange };
    link.onClose = (error) =>
      this.#fail(
        error ??
          new PeerceptronError('LINK_CLOSED', 'The other side closed the connection during the handshake.'),
      );
    try {
      link.send(exchange.hello);
    } catch (thrown) {
      return this.#fail(toPeerceptronError(thrown, 'LINK_LOST'));
    }
    // Last: what has already arrived is handed over at once, and its answer must not overtake our HELLO.
    link.onMessage = (message) => this.#receiveHello(message, link, exchange);
  }

  #receiveHello(message: Uint8Array, link: PeerLink, exchange: HelloExchange): void {
    if (this.#state.state !== 'greeting') return;
    const { route } = this.#state;
    const step = exchange.receive(message);
    try {
      if (step.state !== 'done' && step.send) link.send(step.send);
    } catch (thrown) {
      return this.#fail(toPeerceptronError(thrown, 'LINK_LOST'));
    }
    switch (step.state) {
      case 'waiting':
        return;
      case 'failed':
        return this.#fail(step.error, step.send ? 'linger' : 'at once');
      case 'done': {
        const watched = new WatchedLink(link, this.#options.clock);
        if (step.resumes !== undefined) {
          this.#state = { state: 'over' };
          return this.#options.onResumed(step.resumes, watched, route);
        }
        let connection: Connection;
        try {
          // At once, not after an await: the next message may already be a frame.
          connection = this.#connection(watched, route);
        } catch (thrown) {
          return this.#fail(toPeerceptronError(thrown));
        }
        this.#state = { state: 'over' };
        return this.#options.onConnected(connection, step.capabilities);
      }
      default:
        return unreachable(step);
    }
  }

  #connection(watched: WatchedLink, route: ReadRoute): Connection {
    const { self, peer, line, createChannel, spareMemory, onSuspended } = this.#options;
    const resumable = new ResumableLink(watched, spareMemory, (cause) => onSuspended(connection, cause));
    const channel = createChannel({ link: resumable, peer });
    const id = self < peer ? line.ownNonce + line.peerNonce : line.peerNonce + line.ownNonce;
    const connection: Connection = { id, channel, resumable, watched, route };
    return connection;
  }

  #fail(error: PeerceptronError, close: 'at once' | 'linger' = 'at once'): void {
    const state = this.#state;
    if (state.state === 'over') return;
    this.#state = { state: 'over' };
    if (state.state === 'connecting') this.#rtc.close();
    else if (close === 'linger') this.#linger(state.link);
    else state.link.close();
    this.#options.onFailed(error);
  }

  /** The other side's connection may not be quite open yet: what it has not read when the link closes is lost. */
  #linger(link: PeerLink): void {
    const close = (): void => {
      cancel();
      link.close();
    };
    const cancel = this.#options.clock.after(REFUSAL_LINGER_MS, close);
    link.onMessage = close;
    link.onClose = cancel;
  }
}

const unknownRoute: ReadRoute = async () => undefined;

function unavailable(thrown: unknown): RtcConnection {
  return {
    signal: () => undefined,
    onSignal: undefined,
    opened: Promise.reject(
      new PeerceptronError(
        'LINK_NO_ROUTE',
        `WebRTC cannot be used on this device (${toPeerceptronError(thrown).message}): allow it, or use another browser.`,
        { cause: thrown },
      ),
    ),
    candidates: () => ({ local: [], remote: [] }),
    close: () => undefined,
  };
}
