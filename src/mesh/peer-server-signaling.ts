import {
  formatPlaceMessage,
  parsePeerServerMessage,
  peerServerUrl,
  PEER_SERVER_HEARTBEAT,
  PEER_SERVER_LEAVE,
  placeIds,
  PLACES,
  type PeerServerAddress,
  type PeerServerMessage,
  type PlaceMessage,
} from '../protocol/peer-server.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { toHex, type PeerId } from '../shared/ids.ts';
import type { Signaling, SignalingContext } from './signaling-port.ts';
import type { OpenSocket, SignalingSocket } from './socket.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** From opening the socket to the server's answer. */
const OPEN_TIMEOUT_MS = 10_000;
/** A PeerServer drops clients that say nothing for a minute. */
const HEARTBEAT_MS = 5_000;
/** Known members are called every 15 s: for one that is gone the server answers. Every place is called once a minute. */
const CALL_MEMBERS_EVERY = 3;
const CALL_ALL_EVERY = 12;
/** What could not be sent is kept this long: as long as a dial lasts. */
const OUTBOX_AGE_MS = 15_000;
const OUTBOX_MESSAGES = 256;

type State =
  | { readonly state: 'idle' }
  | { readonly state: 'opening'; readonly socket: SignalingSocket; readonly cancelTimeout: () => void }
  | { readonly state: 'open'; readonly socket: SignalingSocket; cancelHeartbeat: () => void }
  | { readonly state: 'waiting'; readonly cancelRetry: () => void }
  | { readonly state: 'closed' };

/** Signaling over any PeerServer, so that a room needs no server of its own. Rules `PS-*` of SPEC.md. */
export class PeerServerSignaling implements Signaling {
  readonly #context: SignalingContext & {
    readonly peerServer: PeerServerAddress;
    readonly openSocket: OpenSocket;
  };
  readonly #places: readonly string[];
  readonly #token: string;
  readonly #members = new Map<number, PeerId>();
  #state: State = { state: 'idle' };
  /** The place that this member has, or tries to take. */
  #place: number;
  #taken = 0;
  #failures = 0;
  #outbox: { readonly to: PeerId; readonly payload: string; readonly atMs: number }[] = [];

  constructor(
    context: SignalingContext & { readonly peerServer: PeerServerAddress; readonly openSocket: OpenSocket },
  ) {
    this.#context = context;
    this.#places = placeIds(context.room);
    this.#token = toHex(context.randomBytes(16));
    // Somewhere, so that those who come at the same time seldom want the same place.
    this.#place = context.randomBytes(1)[0]! % PLACES;
  }

  get isOpen(): boolean {
    return this.#state.state === 'open';
  }

  start(): void {
    if (this.#state.state === 'idle') this.#connect();
  }

  relay(to: PeerId, payload: string): void {
    if (this.#state.state === 'open') {
      const place = this.#placeOf(to);
      if (place !== undefined) this.#say(place, { kind: 'relay', from: this.#context.self, to, payload });
    } else if (this.#outbox.length < OUTBOX_MESSAGES)
      this.#outbox.push({ to, payload, atMs: this.#context.clock.now() });
  }

  close(): void {
    if (this.#state.state === 'closed') return;
    if (this.#state.state === 'open') {
      for (const place of this.#members.keys())
        this.#say(place, { kind: 'absent', peer: this.#context.self });
      this.#state.socket.send(PEER_SERVER_LEAVE);
    }
    this.#drop();
    this.#state = { state: 'closed' };
    this.#outbox = [];
    this.#context.events.state('closed');
  }

  #connect(): void {
    const { clock, openSocket, peerServer, events } = this.#context;
    events.state('connecting');
    if (this.#state.state === 'closed') return;
    let socket: SignalingSocket;
    try {
      socket = openSocket(peerServerUrl(peerServer, this.#places[this.#place]!, this.#token));
    } catch (thrown) {
      return this.#lost(toPeerceptronError(thrown, 'SIGNALING_UNREACHABLE'));
    }
    const cancelTimeout = clock.after(OPEN_TIMEOUT_MS, () =>
      this.#lost(this.#unreachable('it did not answer')),
    );
    this.#state = { state: 'opening', socket, cancelTimeout };
    socket.onMessage = (text) => {
      let message: PeerServerMessage;
      try {
        message = parsePeerServerMessage(text);
      } catch (thrown) {
        return this.#lost(toPeerceptronError(thrown));
      }
      if (this.#state.state === 'opening') this.#answered(message, socket);
      else this.#heard(message);
    };
    socket.onClose = (reason) =>
      this.#lost(
        this.#state.state === 'open'
          ? new PeerceptronError(
              'SIGNALING_LOST',
              `The PeerServer ${peerServer.host} is gone (${reason}). Running connections go on; trying to reach it again.`,
            )
          : this.#unreachable(reason),
      );
  }

  #answered({ type }: PeerServerMessage, socket: SignalingSocket): void {
    const { host } = this.#context.peerServer;
    switch (type) {
      case 'OPEN':
        return this.#opened(socket);
      case 'ID-TAKEN':
        this.#taken += 1;
        if (this.#taken >= PLACES)
          return this.#lost(
            new PeerceptronError(
              'ROOM_FULL',
              `All ${PLACES} places of this room on the PeerServer ${host} are taken. Leave the room with another device; a device that vanished frees its place within a minute.`,
            ),
          );
        this.#place = (this.#place + 1) % PLACES;
        this.#drop();
        return this.#connect();
      case 'INVALID-KEY':
        return this.#lost(
          new PeerceptronError(
            'SIGNALING_REFUSED',
            `The PeerServer ${host} does not know this key. Check “key” in peerceptron.json, or the room link.`,
          ),
        );
      case 'ERROR':
        return this.#lost(
          new PeerceptronError(
            'SIGNALING_REFUSED',
            `The PeerServer ${host} let this device not in: it may have too many clients. Try later, or set another server in peerceptron.json.`,
          ),
        );
    }
  }

  #opened(socket: SignalingSocket): void {
    if (this.#state.state !== 'opening') return;
    this.#state.cancelTimeout();
    const { clock, events } = this.#context;
    const open: State = { state: 'open', socket, cancelHeartbeat: () => undefined };
    let beats = 0;
    const beat = (): void => {
      socket.send(PEER_SERVER_HEARTBEAT);
      beats += 1;
      if (beats % CALL_ALL_EVERY === 0) this.#callAll();
      else if (beats % CALL_MEMBERS_EVERY === 0)
        for (const place of this.#members.keys()) this.#call(place, false);
      open.cancelHeartbeat = clock.after(HEARTBEAT_MS, beat);
    };
    open.cancelHeartbeat = clock.after(HEARTBEAT_MS, beat);
    this.#state = open;
    this.#failures = 0;
    this.#taken = 0;
    // It may have been somebody else's before.
    this.#members.delete(this.#place);
    events.state('open');
    events.joined([...this.#members.values()], []);
    this.#callAll();
    const now = clock.now();
    for (const { to, payload, atMs } of this.#outbox.splice(0))
      if (now - atMs < OUTBOX_AGE_MS) this.relay(to, payload);
  }

  #heard({ type, src, body }: PeerServerMessage): void {
    const { self, events } = this.#context;
    const place = src === undefined ? -1 : this.#places.indexOf(src);
    if (place < 0 || place === this.#place) return;
    if (type === 'EXPIRE' || type === 'LEAVE') return this.#gone(place);
    if (!body) return;
    switch (body.kind) {
      case 'present':
        if (body.peer === self) return;
        this.#sits(place, body.peer);
        if (body.answer) this.#call(place, false);
        return;
      case 'absent':
        if (this.#members.get(place) === body.peer) this.#gone(place);
        return;
      case 'relay':
        if (body.to !== self || body.from === self) return;
        this.#sits(place, body.from);
        events.relay(body.from, body.payload);
    }
  }

  /** `peer` is at `place` now: it came, or moved there after it had lost the server. */
  #sits(place: number, peer: PeerId): void {
    const before = this.#members.get(place);
    if (before === peer) return;
    const moved = this.#placeOf(peer);
    if (moved !== undefined) this.#members.delete(moved);
    if (before !== undefined) this.#gone(place);
    this.#members.set(place, peer);
    if (moved === undefined) this.#context.events.memberJoined(peer);
  }

  #gone(place: number): void {
    const peer = this.#members.get(place);
    if (peer === undefined) return;
    this.#members.delete(place);
    this.#context.events.memberLeft(peer);
  }

  #placeOf(peer: PeerId): number | undefined {
    for (const [place, member] of this.#members) if (member === peer) return place;
    return undefined;
  }

  #callAll(): void {
    for (let place = 0; place < PLACES; place += 1) if (place !== this.#place) this.#call(place, true);
  }

  #call(place: number, answer: boolean): void {
    this.#say(place, { kind: 'present', peer: this.#context.self, answer });
  }

  #say(place: number, message: PlaceMessage): void {
    if (this.#state.state === 'open')
      this.#state.socket.send(formatPlaceMessage(this.#places[place]!, message));
  }

  #drop(): void {
    const state = this.#state;
    if (state.state === 'opening') state.cancelTimeout();
    if (state.state === 'open') state.cancelHeartbeat();
    if (state.state === 'waiting') state.cancelRetry();
    if (state.state === 'opening' || state.state === 'open') state.socket.close();
  }

  #lost(error: PeerceptronError): void {
    if (this.#state.state === 'closed' || this.#state.state === 'waiting') return;
    this.#drop();
    this.#taken = 0;
    const limit = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    // Between half and the whole, so that a room does not come back all at once.
    const delayMs = limit * (0.5 + this.#context.randomBytes(1)[0]! / 512);
    this.#state = {
      state: 'waiting',
      cancelRetry: this.#context.clock.after(delayMs, () => this.#connect()),
    };
    this.#context.events.state('lost', error);
  }

  #unreachable(reason: string): PeerceptronError {
    return new PeerceptronError(
      'SIGNALING_UNREACHABLE',
      `The PeerServer ${this.#context.peerServer.host} cannot be reached: ${reason}. Check this device’s network, or set another server in peerceptron.json.`,
    );
  }
}
