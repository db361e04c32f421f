import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { PeerServer } from 'peer';
import type { PeerServerAddress } from '../../src/protocol/peer-server.ts';

export interface LocalPeerServer {
  readonly address: PeerServerAddress;
  readonly port: number;
  close(): Promise<void>;
}

/** A real PeerServer on the loopback interface. */
export async function startPeerServer(): Promise<LocalPeerServer> {
  const server = await new Promise<Server>((resolve) => {
    PeerServer({ port: 0, host: '127.0.0.1', path: '/' }, (listening) => resolve(listening));
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: { secure: false, host: `127.0.0.1:${port}`, path: '/', key: 'peerjs' },
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
