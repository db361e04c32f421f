import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { asPeerId, type PeerId } from '../../src/shared/ids.ts';
import type { PeerChannel } from '../../src/transport/channel.ts';
import { buildChild } from './child-program.ts';
import { openRoom, randomBytes, until } from './mesh-room.ts';

const cleanUps: (() => unknown)[] = [];

let program: string;
beforeAll(async () => {
  program = await buildChild('mesh-child');
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startChild(link: RoomLink): Promise<{ child: ChildProcess; id: PeerId }> {
  const child = spawn(process.execPath, [program], {
    // Not as an argument: those can be listed by every user of the machine.
    env: { ...process.env, ROOM_LINK: formatRoomLink(link) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  cleanUps.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.stdin.end();
    await once(child, 'exit');
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, id: asPeerId(line.toString().trim()) };
}

async function pong(channel: PeerChannel, nonce: number): Promise<void> {
  const answer = new Promise((resolve) => (channel.onControl = resolve));
  channel.sendControl({ type: 'ping', nonce });
  expect(await answer).toEqual({ type: 'pong', nonce });
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('devices in processes of their own', () => {
  it('[MESH1] exchange control messages and a megabyte, and notice when one is killed', async () => {
    const room = await openRoom();
    cleanUps.push(() => room.close());
    const mesh = await room.join('parent');
    const [one, two] = await Promise.all([startChild(room.link), startChild(room.link)]);
    await until(mesh, () => mesh.members.has(one.id) && mesh.members.has(two.id));
    const [toOne, toTwo] = await Promise.all([mesh.channel(one.id), mesh.channel(two.id)]);
    await pong(toOne, 1);

    const bytes = randomBytes(1 << 20);
    const back = new Promise<Uint8Array>((resolve, reject) => {
      toTwo.onStream = (_meta, totalBytes) => {
        const buffer = new Uint8Array(totalBytes);
        return { buffer, done: () => resolve(buffer), failed: reject };
      };
    });
    await toTwo.sendStream({ kind: 'weight', request: 1 }, bytes, { priority: 'weight' });
    expect(sha256(await back)).toBe(sha256(bytes));

    one.child.kill('SIGKILL');
    expect((await toOne.closed)?.code).toBe('LINK_LOST');
    await until(mesh, () => !mesh.members.has(one.id));
    await pong(toTwo, 2);
  });
});
