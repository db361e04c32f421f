import { WebSocket, type RawData } from 'ws';
import { SIGNALING_MAX_MESSAGE_BYTES } from '../protocol/signaling.ts';
import type { SignalingSocket } from './socket.ts';

export interface NodeSocketOptions {
  /** PEM of certificates to trust besides the system's, for a server with a certificate of its own making. */
  readonly ca?: string | Buffer;
  /** False accepts any certificate: the sealed handshake still proves the peers, but the server may be anyone. */
  readonly rejectUnauthorized?: boolean;
}

/** Signaling over the `ws` library. */
export function openNodeSocket(url: string, options: NodeSocketOptions = {}): SignalingSocket {
  const webSocket = new WebSocket(url, {
    maxPayload: 4 * SIGNALING_MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handshakeTimeout: 10_000,
    ...options,
  });
  const socket: SignalingSocket = {
    onOpen: undefined,
    onMessage: undefined,
    onClose: undefined,
    send: (text) => webSocket.send(text, () => undefined),
    close: () => {
      socket.onOpen = socket.onMessage = socket.onClose = undefined;
      webSocket.close(1000);
      // A server that does not answer the goodbye must not hold the program for the library's 30 s.
      setTimeout(() => webSocket.terminate(), 1000).unref();
    },
  };
  let failure = '';
  webSocket.on('open', () => socket.onOpen?.());
  webSocket.on('message', (data: RawData, isBinary: boolean) => {
    if (!isBinary) socket.onMessage?.((data as Buffer).toString('utf8'));
  });
  webSocket.on('error', (error) => (failure = whyFailed(error)));
  webSocket.on('close', (code, reason) =>
    socket.onClose?.(failure || reason.toString('utf8') || `closed with code ${code}`),
  );
  return socket;
}

/** By these Node says that it knows nobody who vouches for a certificate. */
const UNKNOWN_AUTHORITY: readonly unknown[] = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
];

function whyFailed(error: Error): string {
  if (!('code' in error) || !UNKNOWN_AUTHORITY.includes(error.code)) return error.message;
  return `${error.message}; use the link with http:// in place of https:// (signaling is sealed either way), or trust the server's authority: save its /trust/peerceptron-ca.pem, and name the file in NODE_EXTRA_CA_CERTS`;
}
