import { afterEach, describe, expect, it } from 'vitest';
import { joinMesh } from '../../src/mesh/join-mesh.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { signalingByLink } from '../../src/mesh/signaling-by-link.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { openNodeSocket } from '../../src/mesh/websocket-node.ts';
import { createRoomLink, deriveRoomKeys } from '../../src/protocol/room-link.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { startPeerServer, type LocalPeerServer } from '../support/peer-server.ts';
import { capabilities, joinReal, randomBytes } from './mesh-room.ts';

let server: LocalPeerServer | undefined;
const meshes: Mesh[] = [];
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.leave()));
  await server?.close();
});

describe('a room over a PeerServer', () => {
  it('[HELLO4] lets nobody in who has places and messages of the room, but not its secret', async () => {
    server = await startPeerServer();
    const link = createRoomLink('http://page.invalid/', randomBytes, undefined, server.address);
    const honest = await joinReal(link, 'honest');
    meshes.push(honest);
    // All that the server itself has: the ids in use. Its own secret is another.
    const { roomId } = deriveRoomKeys(link);
    const hostile = await joinMesh({
      link: createRoomLink('http://page.invalid/', randomBytes, undefined, server.address),
      capabilities: capabilities('hostile'),
      openSignaling: (context) => signalingByLink(openNodeSocket)({ ...context, link, room: roomId }),
      openRtc: openRtcNode,
      clock: systemClock,
      randomBytes,
      connectTimeoutMs: 4_000,
    });
    meshes.push(hostile);
    await expect.poll(() => hostile.members.has(honest.self), { timeout: 20_000 }).toBe(true);
    await expect(hostile.channel(honest.self)).rejects.toMatchObject({
      code: expect.stringMatching(/^(AUTH_FAILED|LINK_TIMEOUT)$/) as string,
    });
    const friend = await joinReal(link, 'friend');
    meshes.push(friend);
    await expect.poll(() => friend.members.has(honest.self), { timeout: 20_000 }).toBe(true);
    expect((await friend.channel(honest.self)).peer).toBe(honest.self);
    expect(honest.members.get(hostile.self)?.state).not.toBe('connected');
  });
});
