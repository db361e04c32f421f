import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createSignalingServer } from '../../signaling/server.ts';
import type { ControlMessage, StreamMeta } from '../../src/protocol/messages.ts';
import type { PeerChannel, StreamSink } from '../../src/transport/channel.ts';
import type { PeerceptronError } from '../../src/shared/errors.ts';
import type { OpenRtc, RtcConnection } from '../../src/transport/rtc.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { joinReal, nextChannel, nextSignaling, openRoom, randomBytes, until } from './mesh-room.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function room() {
  const opened = await openRoom();
  cleanUps.push(() => opened.close());
  return opened;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const nextControl = (channel: PeerChannel): Promise<ControlMessage> =>
  new Promise((resolve) => (channel.onControl = resolve));
const nextStream = (channel: PeerChannel): Promise<{ meta: StreamMeta; bytes: Uint8Array }> =>
  new Promise((resolve, reject) => {
    channel.onStream = (meta, totalBytes): StreamSink => {
      const buffer = new Uint8Array(totalBytes);
      return { buffer, done: () => resolve({ meta, bytes: buffer }), failed: reject };
    };
  });

describe('a mesh over real WebRTC and a real server', () => {
  it('[MESH1] joins three devices, connects all pairs, and carries control messages and a megabyte', async () => {
    const { join } = await room();
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    await until(a, () => a.members.size === 2);
    await until(b, () => b.members.size === 2);
    const atB = nextChannel(b);
    const ab = await a.channel(b.self);
    const ba = await atB;
    expect(ba.peer).toBe(a.self);
    expect(a.members.get(b.self)).toMatchObject({ state: 'connected', capabilities: { name: 'b' } });

    const ping = nextControl(ba);
    ab.sendControl({ type: 'ping', nonce: 42 });
    expect(await ping).toEqual({ type: 'ping', nonce: 42 });

    const bytes = randomBytes(1 << 20);
    const stream = nextStream(ab);
    await ba.sendStream({ kind: 'weight', request: 7 }, bytes, { priority: 'weight' });
    const received = await stream;
    expect(received.meta).toEqual({ kind: 'weight', request: 7 });
    expect(sha256(received.bytes)).toBe(sha256(bytes));

    // Both at once, between two that have not talked yet.
    const [bc, cb] = await Promise.all([b.channel(c.self), c.channel(b.self)]);
    const pong = nextControl(cb);
    bc.sendControl({ type: 'pong', nonce: 1 });
    expect(await pong).toEqual({ type: 'pong', nonce: 1 });
  });

  it('[MESH3] connects five devices when all call all at once', async () => {
    const { join } = await room();
    const meshes = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => join(name)));
    await Promise.all(meshes.map((mesh) => until(mesh, () => mesh.members.size === 4)));
    await Promise.all(meshes.flatMap((mesh) => [...mesh.members.keys()].map((peer) => mesh.channel(peer))));
    for (const mesh of meshes)
      for (const [peer, { state }] of mesh.members)
        expect(state, `${mesh.self} to ${peer}`).toBe('connected');
    // Every pair shares one connection: what one end sends, the other end's channel gets.
    const [first, ...others] = meshes;
    for (const other of others) {
      const ping = nextControl(await other.channel(first!.self));
      (await first!.channel(other.self)).sendControl({ type: 'ping', nonce: 8 });
      expect(await ping).toEqual({ type: 'ping', nonce: 8 });
    }
  });

  it('[MESH4] tells the others when one leaves', async () => {
    const { join } = await room();
    const [a, b] = [await join('a'), await join('b')];
    // Both sides: who leaves in the middle of the handshake has no channel yet to say goodbye on.
    const atA = nextChannel(a);
    const channel = await b.channel(a.self);
    await atA;
    await a.leave();
    expect(await channel.closed).toBeUndefined();
    await until(b, () => b.members.size === 0);
    expect(b.members.size).toBe(0);
  });

  it('[MESH8] goes on without the server, and finds it again', async () => {
    const { join, server, link, port } = await room();
    const [a, b] = [await join('a'), await join('b')];
    const atA = nextChannel(a);
    const ba = await b.channel(a.self);
    const ab = await atA;
    const lost = nextSignaling(a, 'lost');
    await server.close();
    await lost;
    const ping = nextControl(ab);
    ba.sendControl({ type: 'ping', nonce: 3 });
    expect(await ping).toEqual({ type: 'ping', nonce: 3 });
    const back = Promise.all([nextSignaling(a, 'open'), nextSignaling(b, 'open')]);
    const second = createSignalingServer({ port, host: '127.0.0.1' });
    await second.ready;
    cleanUps.push(() => second.close());
    await back;
    const c = await joinReal(link, 'c');
    cleanUps.push(() => c.leave());
    expect(await c.channel(a.self)).toMatchObject({ peer: a.self });
    expect(await a.channel(b.self)).toBe(ab);
  });

  it('[DIAL1] fails in time on both sides, by name, where no route exists', async () => {
    const { join } = await room();
    // Addresses of a documentation network (RFC 5737): nothing answers there.
    const astray: OpenRtc = (options) => {
      const connection = openRtcNode(options);
      return {
        opened: connection.opened,
        signal: (signal) => connection.signal(signal),
        candidates: () => connection.candidates(),
        close: () => connection.close(),
        set onSignal(handler: RtcConnection['onSignal']) {
          const elsewhere = (text: string): string => text.replace(/ \S+ (\d+) typ /g, ' 192.0.2.1 $1 typ ');
          connection.onSignal = (signal) =>
            handler?.(
              signal.type === 'candidate'
                ? { ...signal, candidate: elsewhere(signal.candidate) }
                : { ...signal, sdp: elsewhere(signal.sdp) },
            );
        },
      };
    };
    const options = { openRtc: astray, connectTimeoutMs: 2_000 };
    const [a, b] = [await join('a', options), await join('b', options)];
    const good = await join('good');
    const toGood = await good.channel(a.self).then(() => a.channel(good.self));
    await until(a, () => a.members.has(b.self));
    const error = await a.channel(b.self).then(
      () => undefined,
      (thrown: PeerceptronError) => thrown,
    );
    expect(error?.code).toBe('LINK_NO_ROUTE');
    expect(error?.message).toMatch(/No route to device/);
    await until(b, () => b.members.get(a.self)?.state === 'failed');
    expect(b.members.get(a.self)).toMatchObject({ error: { code: 'LINK_NO_ROUTE' } });
    expect(await a.channel(good.self)).toBe(toGood);
  });

  it('[MESH12] closes and opens connections again and again', async () => {
    const { join } = await room();
    const [a, b] = [await join('a'), await join('b')];
    await until(a, () => a.members.size === 1);
    for (let round = 0; round < 5; round += 1) {
      const [caller, callee] = round % 2 === 0 ? [a, b] : [b, a];
      const other = nextChannel(callee);
      const channel = await caller.channel(callee.self);
      const theirs = await other;
      channel.close();
      expect(await theirs.closed).toBeUndefined();
      await channel.closed;
    }
  });
});
