import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { systemClock } from '../src/mesh/system-clock.ts';
import { PROTOCOL_VERSION } from '../src/protocol/messages.ts';
import { SIGNALING_MAX_MESSAGE_BYTES, SIGNALING_VERSION } from '../src/protocol/signaling.ts';
import type { Clock } from '../src/shared/clock.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import type { IceServer } from '../src/transport/rtc.ts';
import {
  DEFAULT_LIMITS,
  SignalingRooms,
  type ClientSocket,
  type SignalingLimits,
  type SignalingLogEvent,
  type SignalingStats,
} from './rooms.ts';
import { listModels } from './model-list.ts';
import {
  findMount,
  redirect,
  respondJson,
  respondText,
  serveFile,
  setCommonHeaders,
  type StaticMount,
} from './static-files.ts';
import type { TlsPair } from './tls-pair.ts';
import { answerTrust, type TrustOffer } from './trust-files.ts';
import { createWebPort } from './web-port.ts';

export {
  DEFAULT_LIMITS,
  type SignalingLimits,
  type SignalingLogEvent,
  type SignalingStats,
} from './rooms.ts';

export interface SignalingServerOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Address to listen on; without it, every interface. */
  readonly host?: string;
  /** The built page. */
  readonly staticDir?: string;
  /** Folder served under `/models/`, with CORS and Range; `/models/index.json` lists the models in it. */
  readonly modelsDir?: string;
  /** Then the server speaks https and wss as well as http and ws, on the same port. */
  readonly tls?: TlsPair;
  /** The authority behind that certificate, where devices have to be told to trust it; files of `/trust/`. */
  readonly trust?: TrustOffer;
  readonly limits?: Partial<SignalingLimits>;
  /** Origins (`https://host`) whose pages may connect, besides the server's own host. */
  readonly allowedOrigins?: readonly string[];
  /** Handed to every member; none by default: a LAN needs none. */
  readonly iceServers?: readonly IceServer[];
  readonly log?: (event: SignalingLogEvent) => void;
  readonly clock?: Clock;
}

export interface SignalingAddress {
  readonly host: string;
  readonly port: number;
  /** `http://host:port/`, or `https:` with a certificate; with a host that works on this machine. */
  readonly url: string;
}

export interface SignalingServer {
  /** Rejects with PORT_TAKEN, or INTERNAL when the address cannot be had. */
  readonly ready: Promise<SignalingAddress>;
  /** Undefined until `ready`. */
  readonly address: SignalingAddress | undefined;
  /** Shows another certificate from the next connection on; only where there was one from the start. */
  setCertificate(tls: TlsPair): void;
  /** Ends every connection and frees the port. Idempotent. */
  close(): Promise<void>;
  stats(): SignalingStats;
}

/**
 * Introduces the members of rooms to each other over WebSocket at `/signaling`, and serves the page. It learns a
 * room's id, its members' random ids and how much they say, and none of what they say.
 */
export function createSignalingServer(options: SignalingServerOptions): SignalingServer {
  const rooms = new SignalingRooms({
    clock: options.clock ?? systemClock,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    iceServers: options.iceServers ?? [],
    log: options.log ?? (() => undefined),
  });
  const mounts: StaticMount[] = [];
  if (options.staticDir !== undefined) mounts.push({ path: '/', dir: options.staticDir, shared: false });
  if (options.modelsDir !== undefined)
    mounts.push({ path: '/models/', dir: options.modelsDir, shared: true });
  const config = {
    app: 'peerceptron',
    protocolVersion: PROTOCOL_VERSION,
    signalingVersion: SIGNALING_VERSION,
    // What a page over http can count on, at its own address with https in front.
    ...(options.tls ? { https: options.trust ? 'local-authority' : 'own-certificate' } : {}),
    iceServers: options.iceServers ?? [],
  };

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const pathname = (request.url ?? '/').split(/[?#]/, 1)[0]!;
    const mount = findMount(mounts, pathname);
    setCommonHeaders(response, mount?.shared ?? false);
    if (request.method === 'OPTIONS' && mount?.shared) {
      response.writeHead(204, {
        'Access-Control-Allow-Methods': 'GET, HEAD',
        'Access-Control-Allow-Headers': 'Range, If-None-Match, If-Range',
        'Access-Control-Max-Age': '86400',
      });
      response.end();
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      respondText(response, 405, 'Only GET and HEAD');
    } else if (pathname === '/healthz') {
      allowOwnPages(request, response);
      respondText(response, 200, 'ok');
    } else if (pathname === '/config.json') respondJson(response, config);
    else if (pathname === '/models/index.json' && options.modelsDir !== undefined) {
      void listModels(options.modelsDir).then((models) => respondJson(response, { models }));
    } else if (pathname === '/signaling') respondText(response, 426, 'This path speaks WebSocket');
    else if (/^\/(kiosk|trust)\/$/.test(pathname)) redirect(response, pathname.slice(0, -1));
    else if (answerTrust(pathname, options.trust, response)) return;
    else if (mount) serveFile(mount, pathname, request, response);
    else respondText(response, 404, 'Not found');
  };

  const port = createWebPort(answer, options.tls);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: SIGNALING_MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: true,
  });
  const allowedOrigins = new Set((options.allowedOrigins ?? []).map((origin) => origin.toLowerCase()));

  port.onUpgrade((request, socket, head) => {
    // An abrupt end before the upgrade is over must not end the server.
    socket.on('error', () => socket.destroy());
    if ((request.url ?? '').split('?', 1)[0] !== '/signaling') return refuseUpgrade(socket, '404 Not Found');
    if (!isAllowedOrigin(request, allowedOrigins)) return refuseUpgrade(socket, '403 Forbidden');
    if (rooms.full) return refuseUpgrade(socket, '503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (webSocket) => connect(rooms, webSocket));
  });

  let address: SignalingAddress | undefined;
  const ready = new Promise<SignalingAddress>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      rooms.close();
      reject(listenError(error, options));
    };
    const { listener } = port;
    listener.once('error', failed);
    listener.listen(options.port, options.host, () => {
      listener.off('error', failed);
      // Errors of a single connection, such as a failed accept, are not the server's end.
      listener.on('error', () => undefined);
      address = describeAddress(listener.address() as AddressInfo, options);
      resolve(address);
    });
  });
  // Whoever only calls close() must not meet an unhandled rejection.
  ready.catch(() => undefined);

  let closing: Promise<void> | undefined;
  return {
    ready,
    get address() {
      return address;
    },
    setCertificate: (tls) => port.setCertificate(tls),
    stats: () => rooms.stats(),
    close() {
      closing ??= ready.then(
        () =>
          new Promise<void>((resolve) => {
            rooms.close();
            port.listener.close(() => resolve());
            sockets.close();
            // The goodbye above is written synchronously; a client that does not answer it is not waited for.
            for (const webSocket of sockets.clients) setImmediate(() => webSocket.terminate());
            port.closeConnections();
          }),
        () => undefined,
      );
      return closing;
    },
  };
}

function connect(rooms: SignalingRooms, webSocket: WebSocket): void {
  const socket: ClientSocket = {
    get bufferedBytes() {
      return webSocket.bufferedAmount;
    },
    send: (text) => webSocket.send(text, () => undefined),
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
  };
  const session = rooms.accept(socket);
  webSocket.on('message', (data: RawData, isBinary: boolean) => {
    // Binary frames are not part of the protocol; the empty text is refused as malformed.
    session.message(isBinary ? '' : (data as Buffer).toString('utf8'));
  });
  // `ws` reports oversized and ill-formed frames here and closes with the right code.
  webSocket.on('error', () => session.closed());
  webSocket.on('close', () => session.closed());
}

/** A page over http asks its https twin whether this device trusts it: another origin, at the same address. */
function allowOwnPages(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (origin === undefined || !isAllowedOrigin(request, new Set())) return;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Vary', 'Origin');
}

/** Browsers always send `Origin`; programs do not. Without this check any site could use a visitor's LAN server. */
function isAllowedOrigin(request: IncomingMessage, allowed: ReadonlySet<string>): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (allowed.has(origin.toLowerCase())) return true;
  try {
    return new URL(origin).host === new URL(`${new URL(origin).protocol}//${host ?? ''}`).host;
  } catch {
    return false;
  }
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function listenError(error: NodeJS.ErrnoException, options: SignalingServerOptions): PeerceptronError {
  if (error.code === 'EADDRINUSE')
    return new PeerceptronError(
      'PORT_TAKEN',
      `Port ${options.port} is taken by another program: stop that program or pick another port.`,
      { cause: error, details: { port: options.port } },
    );
  if (error.code === 'EACCES')
    return new PeerceptronError(
      'PORT_TAKEN',
      `Port ${options.port} is not open to this user: ports below 1024 usually need an administrator. Pick a higher one.`,
      { cause: error, details: { port: options.port } },
    );
  return new PeerceptronError(
    'INTERNAL',
    `Cannot listen on ${options.host ?? 'any address'}: ${error.message}`,
    {
      cause: error,
    },
  );
}

function describeAddress(info: AddressInfo, options: SignalingServerOptions): SignalingAddress {
  const isAny = info.address === '::' || info.address === '0.0.0.0';
  const host = isAny ? 'localhost' : info.family === 'IPv6' ? `[${info.address}]` : info.address;
  return {
    host: info.address,
    port: info.port,
    url: `${options.tls ? 'https' : 'http'}://${host}:${info.port}/`,
  };
}
