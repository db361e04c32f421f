import {
  formatSignalingMessage,
  parseClientMessage,
  SIGNALING_MAX_MEMBERS,
  SIGNALING_VERSION,
  type SignalingClientMessage,
  type SignalingServerMessage,
} from '../src/protocol/signaling.ts';
import type { Clock } from '../src/shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../src/shared/errors.ts';
import { shortId, type PeerId, type RoomId } from '../src/shared/ids.ts';
import type { IceServer } from '../src/transport/rtc.ts';
import { TokenBucket } from '../src/shared/token-bucket.ts';

/** What the rooms need of a WebSocket. */
export interface ClientSocket {
  /** Bytes queued and not yet taken by the network. */
  readonly bufferedBytes: number;
  send(text: string): void;
  /** Orderly, after what is queued. */
  close(code: number, reason: string): void;
  /** At once. */
  terminate(): void;
}

export interface SignalingLimits {
  readonly maxSockets: number;
  readonly maxRooms: number;
  readonly maxMembersPerRoom: number;
  /** Per socket, sustained; a message costs one and one more per 4 KiB. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** A socket that lets more than this pile up is cut off. */
  readonly maxBufferedBytes: number;
  readonly joinTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Silence after which a socket counts as dead; with the interval, the others hear of it within their sum. */
  readonly deadAfterMs: number;
}

export const DEFAULT_LIMITS: SignalingLimits = {
  maxSockets: 2048,
  maxRooms: 512,
  maxMembersPerRoom: 64,
  messagesPerSecond: 200,
  // A requester that calls a full room at once sends some thirty messages per member.
  messageBurst: 3_000,
  maxBufferedBytes: 1024 * 1024,
  joinTimeoutMs: 10_000,
  heartbeatIntervalMs: 2_500,
  deadAfterMs: 7_500,
};

/** For the operator's log. Never holds a payload, a whole id or an address. */
export type SignalingLogEvent =
  | { readonly event: 'joined' | 'left' | 'replaced' | 'dead'; readonly room: string; readonly peer: string }
  | { readonly event: 'refused'; readonly code: string; readonly message: string };

export interface SignalingStats {
  readonly sockets: number;
  readonly rooms: number;
  readonly members: number;
  readonly relayed: number;
  readonly refused: number;
}

/** One socket, from the server's side. */
export interface ClientSession {
  message(text: string): void;
  closed(): void;
}

/** WebSocket close codes (RFC 6455 section 7.4.1). */
const POLICY_VIOLATION = 1008;
const GOING_AWAY = 1001;
const NORMAL = 1000;

interface Client {
  readonly socket: ClientSocket;
  readonly bucket: TokenBucket;
  lastHeardMs: number;
  state:
    | { readonly state: 'new'; readonly sinceMs: number }
    | { readonly state: 'joined'; readonly room: RoomId; readonly peer: PeerId; readonly resume: string }
    | { readonly state: 'gone' };
}

/**
 * Who is in which room, and what is passed between them. Knows nothing of HTTP: sockets and time are ports. A client
 * that breaks a rule gets an `error` with a code and is cut off; nobody else notices.
 */
export class SignalingRooms {
  readonly #clients = new Set<Client>();
  readonly #rooms = new Map<RoomId, Map<PeerId, Client>>();
  readonly #clock: Clock;
  readonly #limits: SignalingLimits;
  readonly #iceServers: readonly IceServer[];
  readonly #log: (event: SignalingLogEvent) => void;
  #stopHeartbeat: () => void;
  #relayed = 0;
  #refused = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly limits: SignalingLimits;
    readonly iceServers: readonly IceServer[];
    readonly log: (event: SignalingLogEvent) => void;
  }) {
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#iceServers = options.iceServers;
    this.#log = options.log;
    this.#stopHeartbeat = this.#clock.after(this.#limits.heartbeatIntervalMs, () => this.#heartbeat());
  }

  get full(): boolean {
    return this.#clients.size >= this.#limits.maxSockets;
  }

  stats(): SignalingStats {
    let members = 0;
    for (const room of this.#rooms.values()) members += room.size;
    return {
      sockets: this.#clients.size,
      rooms: this.#rooms.size,
      members,
      relayed: this.#relayed,
      refused: this.#refused,
    };
  }

  accept(socket: ClientSocket): ClientSession {
    const now = this.#clock.now();
    const client: Client = {
      socket,
      bucket: new TokenBucket(this.#limits.messageBurst, this.#limits.messagesPerSecond, now),
      lastHeardMs: now,
      state: { state: 'new', sinceMs: now },
    };
    this.#clients.add(client);
    return {
      message: (text) => this.#receive(client, text),
      closed: () => this.#remove(client, 'left'),
    };
  }

  close(): void {
    this.#stopHeartbeat();
    for (const client of [...this.#clients]) {
      client.state = { state: 'gone' };
      client.socket.close(GOING_AWAY, 'server closes');
    }
    this.#clients.clear();
    this.#rooms.clear();
  }

  #receive(client: Client, text: string): void {
    if (client.state.state === 'gone') return;
    const now = this.#clock.now();
    client.lastHeardMs = now;
    try {
      if (!client.bucket.take(1 + Math.floor(text.length / 4096), now))
        throw new PeerceptronError(
          'PROTOCOL_LIMIT',
          `More than ${this.#limits.messagesPerSecond} signaling messages per second: slow down.`,
        );
      this.#handle(client, parseClientMessage(text));
    } catch (thrown) {
      this.#refuse(client, toPeerceptronError(thrown));
    }
  }

  #handle(client: Client, message: SignalingClientMessage): void {
    const { state } = client;
    if (message.type === 'join') {
      if (state.state !== 'new')
        throw new PeerceptronError('PROTOCOL_ORDER', 'A socket joins one room, once.');
      return this.#join(client, message);
    }
    if (state.state !== 'joined') throw new PeerceptronError('PROTOCOL_ORDER', 'Join a room first.');
    switch (message.type) {
      case 'relay': {
        const receiver = this.#rooms.get(state.room)?.get(message.to);
        // Not an error: the receiver may have left while the message was on its way.
        if (!receiver || receiver === client) return;
        this.#relayed += 1;
        return this.#send(receiver, { type: 'relay', from: state.peer, payload: message.payload });
      }
      case 'heartbeat':
        return;
      case 'leave':
        this.#remove(client, 'left');
        return client.socket.close(NORMAL, 'goodbye');
      default:
        return unreachable(message);
    }
  }

  #join(client: Client, join: Extract<SignalingClientMessage, { type: 'join' }>): void {
    const room = this.#rooms.get(join.room);
    if (!room && this.#rooms.size >= this.#limits.maxRooms)
      throw new PeerceptronError(
        'ROOM_FULL',
        `This server holds its limit of ${this.#limits.maxRooms} rooms; try again later or use another server.`,
      );
    const holder = room?.get(join.peer);
    const resumes = holder?.state.state === 'joined' && holder.state.resume === join.resume;
    if (holder) {
      if (!resumes && !this.#isDead(holder))
        throw new PeerceptronError(
          'SIGNALING_REFUSED',
          'This peer id is taken in this room. Join with a fresh random id.',
        );
      if (resumes) {
        // The same device on a new connection: the others need not notice.
        holder.state = { state: 'gone' };
        this.#clients.delete(holder);
        this.#log({ event: 'replaced', room: shortId(join.room), peer: shortId(join.peer) });
      } else {
        this.#remove(holder, 'dead');
      }
      holder.socket.terminate();
    }
    const members = this.#rooms.get(join.room) ?? new Map<PeerId, Client>();
    if (!resumes && members.size >= Math.min(this.#limits.maxMembersPerRoom, SIGNALING_MAX_MEMBERS))
      throw new PeerceptronError(
        'ROOM_FULL',
        `The room has its limit of ${this.#limits.maxMembersPerRoom} members. Close one of them, or raise the server's limit.`,
      );
    this.#rooms.set(join.room, members);
    members.set(join.peer, client);
    client.state = { state: 'joined', room: join.room, peer: join.peer, resume: join.resume };
    this.#send(client, {
      type: 'joined',
      version: SIGNALING_VERSION,
      members: [...members.keys()].filter((peer) => peer !== join.peer),
      iceServers: this.#iceServers.map((server) => ({ ...server, urls: [...server.urls] })),
      heartbeatIntervalMs: this.#limits.heartbeatIntervalMs,
    });
    if (resumes) return;
    this.#log({ event: 'joined', room: shortId(join.room), peer: shortId(join.peer) });
    this.#announce(join.room, join.peer, 'member-joined');
  }

  #announce(room: RoomId, peer: PeerId, type: 'member-joined' | 'member-left'): void {
    for (const [member, client] of [...(this.#rooms.get(room) ?? [])])
      if (member !== peer) this.#send(client, { type, peer });
  }

  #send(client: Client, message: SignalingServerMessage): void {
    if (client.state.state === 'gone') return;
    if (client.socket.bufferedBytes > this.#limits.maxBufferedBytes) {
      this.#remove(client, 'dead');
      client.socket.terminate();
      return;
    }
    client.socket.send(formatSignalingMessage(message));
  }

  #refuse(client: Client, error: PeerceptronError): void {
    this.#refused += 1;
    this.#log({ event: 'refused', code: error.code, message: error.message });
    this.#send(client, { type: 'error', code: error.code, message: error.message });
    this.#remove(client, 'left');
    client.socket.close(POLICY_VIOLATION, error.code);
  }

  #remove(client: Client, event: 'left' | 'dead'): void {
    const { state } = client;
    client.state = { state: 'gone' };
    this.#clients.delete(client);
    if (state.state !== 'joined') return;
    const room = this.#rooms.get(state.room);
    room?.delete(state.peer);
    if (room?.size === 0) this.#rooms.delete(state.room);
    this.#log({ event, room: shortId(state.room), peer: shortId(state.peer) });
    this.#announce(state.room, state.peer, 'member-left');
  }

  #isDead(client: Client): boolean {
    return this.#clock.now() - client.lastHeardMs >= this.#limits.deadAfterMs;
  }

  #heartbeat(): void {
    const now = this.#clock.now();
    for (const client of [...this.#clients]) {
      const { state } = client;
      if (state.state === 'new' && now - state.sinceMs >= this.#limits.joinTimeoutMs) {
        this.#refuse(
          client,
          new PeerceptronError('PROTOCOL_ORDER', 'The socket did not join a room in time.'),
        );
      } else if (state.state === 'joined' && this.#isDead(client)) {
        this.#remove(client, 'dead');
        client.socket.terminate();
      } else if (state.state === 'joined') {
        this.#send(client, { type: 'heartbeat' });
      }
    }
    this.#stopHeartbeat = this.#clock.after(this.#limits.heartbeatIntervalMs, () => this.#heartbeat());
  }
}
