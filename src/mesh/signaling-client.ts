import { signalingUrl } from '../protocol/room-link.ts';
import {
  formatSignalingMessage,
  parseServerMessage,
  SIGNALING_VERSION,
  type SignalingClientMessage,
  type SignalingServerMessage,
} from '../protocol/signaling.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import { toHex, type PeerId } from '../shared/ids.ts';
import type { Signaling, SignalingContext } from './signaling-port.ts';
import type { OpenSocket, SignalingSocket } from './socket.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** From opening the socket to `joined`. */
const JOIN_TIMEOUT_MS = 10_000;
/** Silence of this many heartbeats, and of no less than `MIN_SILENCE_MS`, means that the server is gone. */
const MISSED_HEARTBEATS = 4;
const MIN_SILENCE_MS = 10_000;
/** What could not be sent is kept this long: as long as a dial lasts. */
const OUTBOX_AGE_MS = 15_000;
const OUTBOX_MESSAGES = 256;

type ClientState =
  | { readonly state: 'idle' }
  | { readonly state: 'joining'; readonly socket: SignalingSocket; readonly cancelTimeout: () => void }
  | { readonly state: 'open'; readonly socket: SignalingSocket; cancelCheck: () => void }
  | { readonly state: 'waiting'; readonly cancelRetry: () => void }
  | { readonly state: 'closed' };

/**
 * The connection to the signaling server. It reconnects for ever, with a jittered back-off, until `close()`: what the
 * data channels do does not depend on it.
 */
export class SignalingClient implements Signaling {
  readonly #options: SignalingContext & { readonly openSocket: OpenSocket };
  /** Shown again after a reconnect, it takes the id over from the lost socket. */
  readonly #resume: string;
  #state: ClientState = { state: 'idle' };
  #failures = 0;
  #lastHeardMs = 0;
  #outbox: { readonly text: string; readonly atMs: number }[] = [];

  constructor(options: SignalingContext & { readonly openSocket: OpenSocket }) {
    this.#options = options;
    this.#resume = toHex(options.randomBytes(16));
  }

  get isOpen(): boolean {
    return this.#state.state === 'open';
  }

  start(): void {
    if (this.#state.state === 'idle') this.#connect();
  }

  /** Sends now, or after the next reconnect if that comes soon. */
  relay(to: PeerId, payload: string): void {
    this.#send({ type: 'relay', to, payload });
  }

  close(): void {
    const state = this.#state;
    if (state.state === 'closed') return;
    if (state.state === 'open') state.socket.send(formatSignalingMessage({ type: 'leave' }));
    this.#drop();
    this.#state = { state: 'closed' };
    this.#outbox = [];
    this.#options.events.state('closed');
  }

  #send(message: SignalingClientMessage): void {
    const text = formatSignalingMessage(message);
    if (this.#state.state === 'open') this.#state.socket.send(text);
    else if (this.#outbox.length < OUTBOX_MESSAGES)
      this.#outbox.push({ text, atMs: this.#options.clock.now() });
  }

  #connect(): void {
    const { clock, openSocket, link, room, self } = this.#options;
    this.#options.events.state('connecting');
    if (this.#state.state === 'closed') return;
    let socket: SignalingSocket;
    try {
      socket = openSocket(signalingUrl(link));
    } catch (thrown) {
      return this.#lost(toPeerceptronError(thrown, 'SIGNALING_UNREACHABLE'));
    }
    const cancelTimeout = clock.after(JOIN_TIMEOUT_MS, () =>
      this.#lost(this.#unreachable('it did not answer')),
    );
    this.#state = { state: 'joining', socket, cancelTimeout };
    socket.onOpen = () =>
      socket.send(
        formatSignalingMessage({
          type: 'join',
          version: SIGNALING_VERSION,
          room,
          peer: self,
          resume: this.#resume,
        }),
      );
    socket.onMessage = (text) => {
      this.#lastHeardMs = clock.now();
      let message: SignalingServerMessage;
      try {
        message = parseServerMessage(text);
      } catch (thrown) {
        return this.#lost(toPeerceptronError(thrown));
      }
      const error = this.#handle(message, socket);
      if (error) this.#lost(error);
    };
    socket.onClose = (reason) =>
      this.#lost(
        this.#state.state === 'open'
          ? new PeerceptronError(
              'SIGNALING_LOST',
              `The signaling server is gone (${reason}). Running connections go on; trying to reach it again.`,
            )
          : this.#unreachable(reason),
      );
  }

  /** @returns why the server cannot be talked to any longer */
  #handle(message: SignalingServerMessage, socket: SignalingSocket): PeerceptronError | undefined {
    const { events } = this.#options;
    if (message.type === 'error') return new PeerceptronError(message.code, message.message);
    if ((message.type === 'joined') !== (this.#state.state === 'joining'))
      return new PeerceptronError('PROTOCOL_ORDER', 'The signaling server lets us join twice, or not first.');
    switch (message.type) {
      case 'joined':
        this.#joined(message, socket);
        break;
      case 'member-joined':
        events.memberJoined(message.peer);
        break;
      case 'member-left':
        events.memberLeft(message.peer);
        break;
      case 'relay':
        events.relay(message.from, message.payload);
        break;
      case 'heartbeat':
        socket.send(formatSignalingMessage({ type: 'heartbeat' }));
        break;
      default:
        return unreachable(message);
    }
    return undefined;
  }

  #joined(message: Extract<SignalingServerMessage, { type: 'joined' }>, socket: SignalingSocket): void {
    if (this.#state.state !== 'joining') return;
    this.#state.cancelTimeout();
    const silenceMs = Math.max(MIN_SILENCE_MS, MISSED_HEARTBEATS * message.heartbeatIntervalMs);
    const open: ClientState = { state: 'open', socket, cancelCheck: () => undefined };
    const check = (): void => {
      const quietMs = this.#options.clock.now() - this.#lastHeardMs;
      if (quietMs >= silenceMs)
        return this.#lost(
          new PeerceptronError(
            'SIGNALING_LOST',
            'The signaling server fell silent. Running connections go on; trying to reach it again.',
          ),
        );
      open.cancelCheck = this.#options.clock.after(silenceMs - quietMs, check);
    };
    open.cancelCheck = this.#options.clock.after(silenceMs, check);
    this.#state = open;
    this.#failures = 0;
    this.#options.events.state('open');
    const { self } = this.#options;
    this.#options.events.joined(
      message.members.filter((peer) => peer !== self),
      message.iceServers,
    );
    const now = this.#options.clock.now();
    for (const { text, atMs } of this.#outbox.splice(0))
      if (now - atMs < OUTBOX_AGE_MS && this.#state === open) socket.send(text);
  }

  #drop(): void {
    const state = this.#state;
    if (state.state === 'joining') state.cancelTimeout();
    if (state.state === 'open') state.cancelCheck();
    if (state.state === 'waiting') state.cancelRetry();
    if (state.state === 'joining' || state.state === 'open') state.socket.close();
  }

  #lost(error: PeerceptronError): void {
    if (this.#state.state === 'closed' || this.#state.state === 'waiting') return;
    this.#drop();
    const limit = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    // Between half and the whole, so that a room does not come back all at once.
    const delayMs = limit * (0.5 + this.#options.randomBytes(1)[0]! / 512);
    this.#state = {
      state: 'waiting',
      cancelRetry: this.#options.clock.after(delayMs, () => this.#connect()),
    };
    this.#options.events.state('lost', error);
  }

  #unreachable(reason: string): PeerceptronError {
    return new PeerceptronError(
      'SIGNALING_UNREACHABLE',
      `The room’s server ${this.#options.link.origin} cannot be reached: ${reason}. Check that it runs, and that this device is in the same network.`,
    );
  }
}
