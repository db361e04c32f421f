import { PeerServerSignaling } from './peer-server-signaling.ts';
import { SignalingClient } from './signaling-client.ts';
import type { OpenSignaling } from './signaling-port.ts';
import type { OpenSocket } from './socket.ts';

/** A PeerServer where the room link names one, else the signaling server beside the page. */
export const signalingByLink =
  (openSocket: OpenSocket): OpenSignaling =>
  (context) => {
    const { peerServer } = context.link;
    return peerServer
      ? new PeerServerSignaling({ ...context, peerServer, openSocket })
      : new SignalingClient({ ...context, openSocket });
  };
