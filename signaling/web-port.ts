import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsPair } from './tls-pair.ts';

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** One port that answers requests: over http, and with a certificate over https as well. */
export interface WebPort {
  /** To listen with, and to hear of errors from. */
  readonly listener: Server;
  onUpgrade(listener: UpgradeListener): void;
  /** Shown to connections from now on; only where there was one from the start. */
  setCertificate(tls: TlsPair): void;
  /** Ends what is connected, after what has been written so far. */
  closeConnections(): void;
}

/** First byte of a TLS handshake (RFC 8446, section 5.1); no HTTP method begins with it. */
const TLS_HANDSHAKE = 22;
/** A connection that says nothing at all is not kept. */
const FIRST_BYTE_TIMEOUT_MS = 10_000;

/**
 * With a certificate, the first byte of a connection tells what it speaks. One port for both, because people type addresses
 * without a scheme, and because a page over http then knows where its https twin is.
 */
export function createWebPort(answer: RequestListener, tls: TlsPair | undefined): WebPort {
  return tls ? bothPort(answer, tls) : plainPort(answer);
}

function plainPort(answer: RequestListener): WebPort {
  const http = createHttpServer(answer);
  return {
    listener: http,
    onUpgrade: (listener) => void http.on('upgrade', listener),
    setCertificate: () => undefined,
    closeConnections: () => http.closeAllConnections(),
  };
}

function bothPort(answer: RequestListener, { key, cert }: TlsPair): WebPort {
  const http = createHttpServer(answer);
  const https = createHttpsServer({ key, cert }, answer);
  const sockets = new Set<Socket>();

  const dispatch = (socket: Socket, giveUp: () => void): void => {
    const first = socket.read(1) as Buffer | null;
    if (!first) {
      socket.once('readable', () => dispatch(socket, giveUp));
      return;
    }
    socket.unshift(first);
    socket.setTimeout(0, giveUp);
    const isTls = first[0] === TLS_HANDSHAKE;
    // A request may be followed by the end of what a client says; with a handshake that end is the end.
    if (isTls) socket.allowHalfOpen = false;
    (isTls ? https : http).emit('connection', socket);
  };
  const listener = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A connection that breaks is its own end only.
    const giveUp = (): void => void socket.destroy();
    socket.on('error', giveUp);
    socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, giveUp);
    dispatch(socket, giveUp);
  });
  for (const server of [http, https]) {
    // Only a server that listens looks after its slow clients.
    listener.on('listening', () => server.emit('listening'));
    listener.on('close', () => server.close(() => undefined));
  }
  return {
    listener,
    onUpgrade: (upgrade) => {
      http.on('upgrade', upgrade);
      https.on('upgrade', upgrade);
    },
    setCertificate: (next) => https.setSecureContext({ key: next.key, cert: next.cert }),
    closeConnections: () => {
      http.closeAllConnections();
      https.closeAllConnections();
      for (const socket of sockets) setImmediate(() => socket.destroy());
    },
  };
}
