import { DEFAULT_LIMITS, SignalingRooms, type ClientSession } from '../../../signaling/rooms.ts';
import {
  formatSignalingMessage,
  parseClientMessage,
  parseServerMessage,
  type SignalingServerMessage,
} from '../../../src/protocol/signaling.ts';
import type { PeerId } from '../../../src/shared/ids.ts';
import type { OpenSocket, SignalingSocket } from '../../../src/mesh/socket.ts';
import type { FakeClock } from './fake-clock.ts';

/** The real rooms behind sockets without a network, delivered by microtasks. */
export class FakeSignaling {
  rooms: SignalingRooms;
  /** Down: new sockets fail, and `goDown` drops those that are there. */
  #up = true;
  readonly #drops = new Set<() => void>();
  /** Sees, changes or swallows (undefined) what the server sends: a hostile server. */
  intercept: (message: SignalingServerMessage) => SignalingServerMessage | undefined = (message) => message;
  readonly relayed: Extract<SignalingServerMessage, { type: 'relay' }>[] = [];
  readonly #sockets = new Map<PeerId, SignalingSocket>();
  readonly #clock: FakeClock;
  readonly #limits: Partial<typeof DEFAULT_LIMITS>;
  opened = 0;

  constructor(clock: FakeClock, limits: Partial<typeof DEFAULT_LIMITS> = {}) {
    this.#clock = clock;
    this.#limits = limits;
    this.rooms = this.#newRooms();
  }

  #newRooms(): SignalingRooms {
    return new SignalingRooms({
      clock: this.#clock,
      limits: { ...DEFAULT_LIMITS, ...this.#limits },
      iceServers: [],
      log: () => undefined,
    });
  }

  /** The server process ends; its memory of rooms with it. */
  goDown(): void {
    this.#up = false;
    this.rooms.close();
    for (const drop of [...this.#drops]) drop();
  }

  comeUp(): void {
    this.#up = true;
    this.rooms = this.#newRooms();
  }

  /** The server makes up a relayed message. */
  forge(to: PeerId, from: PeerId, payload: string): void {
    this.#sockets.get(to)?.onMessage?.(formatSignalingMessage({ type: 'relay', from, payload }));
  }

  /** Nothing that `peer` says arrives any more. */
  mute(peer: PeerId): void {
    const socket = this.#sockets.get(peer);
    if (socket) socket.send = () => undefined;
  }

  /** The socket of `peer` ends without a goodbye. */
  cutOff(peer: PeerId): void {
    const socket = this.#sockets.get(peer);
    socket?.close();
  }

  readonly openSocket: OpenSocket = () => {
    this.opened += 1;
    const socket: SignalingSocket = {
      onOpen: undefined,
      onMessage: undefined,
      onClose: undefined,
      send: (text) => {
        const message = parseClientMessage(text);
        if (message.type === 'join') this.#sockets.set(message.peer, socket);
        queueMicrotask(() => session?.message(text));
      },
      close: () => {
        socket.onOpen = socket.onMessage = socket.onClose = undefined;
        queueMicrotask(() => session?.closed());
        this.#drops.delete(drop);
      },
    };
    let session: ClientSession | undefined;
    const drop = (): void => {
      this.#drops.delete(drop);
      session = undefined;
      socket.onClose?.('connection reset');
    };
    queueMicrotask(() => {
      if (!this.#up) return socket.onClose?.('connection refused');
      this.#drops.add(drop);
      session = this.rooms.accept({
        bufferedBytes: 0,
        send: (text) => {
          const message = this.intercept(parseServerMessage(text));
          if (!message) return;
          if (message.type === 'relay') this.relayed.push(message);
          queueMicrotask(() => socket.onMessage?.(formatSignalingMessage(message)));
        },
        close: () => queueMicrotask(drop),
        terminate: () => queueMicrotask(drop),
      });
      socket.onOpen?.();
    });
    return socket;
  };
}
