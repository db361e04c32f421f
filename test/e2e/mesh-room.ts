import { randomBytes as nodeRandomBytes } from 'node:crypto';
import { createSignalingServer, type SignalingServerOptions } from '../../signaling/server.ts';
import { joinMesh, type JoinMeshOptions } from '../../src/mesh/join-mesh.ts';
import { signalingByLink } from '../../src/mesh/signaling-by-link.ts';
import type { Mesh, SignalingState } from '../../src/mesh/mesh.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { openNodeSocket } from '../../src/mesh/websocket-node.ts';
import type { Capabilities } from '../../src/protocol/messages.ts';
import { createRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import type { RandomBytes } from '../../src/shared/random.ts';
import type { PeerChannel } from '../../src/transport/channel.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';

export const randomBytes: RandomBytes = (length) => new Uint8Array(nodeRandomBytes(length));

export const capabilities = (name: string): Capabilities => ({
  name,
  engine: 'reference',
  accuracy: 'f32',
  memoryBytes: 1e9,
  platform: 'node',
  serves: true,
});

/** Joins over real WebSockets and real WebRTC. */
export function joinReal(
  link: RoomLink,
  name: string,
  options: Partial<JoinMeshOptions> = {},
): Promise<Mesh> {
  return joinMesh({
    link,
    capabilities: capabilities(name),
    openSignaling: signalingByLink(openNodeSocket),
    openRtc: openRtcNode,
    clock: systemClock,
    randomBytes,
    ...options,
  });
}

/** A server and a room on this machine; `close` ends all that was opened. */
export async function openRoom(options: Partial<SignalingServerOptions> = {}) {
  const server = createSignalingServer({ port: 0, host: '127.0.0.1', ...options });
  const { url, port } = await server.ready;
  const link = createRoomLink(url, randomBytes);
  const meshes: Mesh[] = [];
  return {
    server,
    port,
    link,
    join: async (name: string, joinOptions: Partial<JoinMeshOptions> = {}) => {
      const mesh = await joinReal(link, name, joinOptions);
      meshes.push(mesh);
      return mesh;
    },
    close: async () => {
      await Promise.all(meshes.map((mesh) => mesh.leave()));
      await server.close();
    },
  };
}

/** Resolves as soon as `isSo` holds, looked at now and after every event of the mesh. */
export function until(mesh: Mesh, isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (isSo()) return resolve();
    const unsubscribe = mesh.subscribe(() => {
      if (!isSo()) return;
      unsubscribe();
      resolve();
    });
  });
}

/** The next channel that comes up at `mesh`. */
export function nextChannel(mesh: Mesh): Promise<PeerChannel> {
  return new Promise((resolve) => (mesh.onChannel = resolve));
}

/** The next time that signaling is in `state`; call it before the cause. */
export function nextSignaling(mesh: Mesh, state: SignalingState): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = mesh.subscribe((event) => {
      if (event.type !== 'signaling' || event.state !== state) return;
      unsubscribe();
      resolve();
    });
  });
}
