import { describe, expect, it } from 'vitest';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import { settle } from './fake-clock.ts';
import { rejectionOf } from './thrown.ts';
import { createWorld } from './world.ts';

/** That a channel carries control messages both ways. */
async function expectAlive(a: PeerChannel, b: PeerChannel): Promise<void> {
  const seen: unknown[] = [];
  a.onControl = (message) => seen.push(message);
  b.onControl = (message) => seen.push(message);
  a.sendControl({ type: 'ping', nonce: 1 });
  b.sendControl({ type: 'pong', nonce: 2 });
  await settle();
  expect(seen).toHaveLength(2);
}

describe('a room that works', () => {
  it('[MESH1] lists members, connects on demand, and shares the dial', async () => {
    const { joinMany, network } = createWorld();
    const [a, b, c] = await joinMany(3);
    expect([...a!.mesh.members.values()].map((member) => member.state)).toEqual(['announced', 'announced']);
    expect(network.begun).toBe(0);
    const [first, second] = await Promise.all([a!.mesh.channel(b!.id), a!.mesh.channel(b!.id)]);
    expect(first).toBe(second);
    expect(await a!.mesh.channel(b!.id)).toBe(first);
    await settle();
    expect(b!.channels).toHaveLength(1);
    expect(await b!.mesh.channel(a!.id)).toBe(b!.channels[0]);
    await expectAlive(first, b!.channels[0]!);
    expect(network.begun).toBe(2);
    expect(a!.mesh.members.get(b!.id)).toMatchObject({
      state: 'connected',
      capabilities: { engine: 'reference' },
    });
    expect(c!.channels).toHaveLength(0);
  });

  it.each([
    ['the lower id', 0, 1],
    ['the higher id', 1, 0],
  ])('[MESH2] connects when %s calls', async (_who, caller, callee) => {
    const { joinMany, network } = createWorld();
    const devices = await joinMany(2);
    const channel = await devices[caller]!.mesh.channel(devices[callee]!.id);
    await settle();
    await expectAlive(channel, devices[callee]!.channels[0]!);
    expect(network.begun).toBe(2);
  });

  it('[MESH3] makes one connection of two simultaneous calls, whatever their timing', async () => {
    // The second caller starts after a number of turns of the event loop: every interleaving of the handshake.
    for (let lag = 0; lag < 40; lag += 1) {
      for (const [first, second] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const { joinMany, network, clock } = createWorld(lag);
        const devices = await joinMany(2);
        const x = devices[first]!.mesh.channel(devices[second]!.id);
        for (let turn = 0; turn < lag; turn += 1) await Promise.resolve();
        const y = devices[second]!.mesh.channel(devices[first]!.id);
        await clock.advance(100);
        const [a, b] = await Promise.all([x, y]);
        await clock.advance(20_000);
        const what = `lag ${lag}, ${first} calls first`;
        expect(devices[first]!.channels, what).toEqual([a]);
        expect(devices[second]!.channels, what).toEqual([b]);
        expect(network.pairs, what).toHaveLength(1);
        await expectAlive(a, b);
      }
    }
  });

  it('[MESH4] says goodbye: the others see the member go, not fail', async () => {
    const { joinMany } = createWorld();
    const [a, b] = await joinMany(2);
    await a!.mesh.channel(b!.id);
    await b!.mesh.leave();
    await settle();
    expect(a!.mesh.members.size).toBe(0);
    expect(a!.events.at(-1)).toEqual({ type: 'member-left', id: b!.id });
    expect(a!.events.some((event) => event.type === 'member' && event.member.state === 'failed')).toBe(false);
    expect((await rejectionOf(b!.mesh.channel(a!.id))).code).toBe('LINK_CLOSED');
    expect((await rejectionOf(a!.mesh.channel(b!.id))).code).toBe('LINK_CLOSED');
  });

  it('[MESH4] leaves no timer behind', async () => {
    const { joinMany, clock, signaling } = createWorld();
    const [a, b] = await joinMany(2);
    await a!.mesh.channel(b!.id);
    await Promise.all([a!.mesh.leave(), b!.mesh.leave()]);
    await settle();
    signaling.goDown();
    // A closing channel gives the other side a moment to close first.
    await clock.advance(2_000);
    expect(clock.pending).toBe(0);
  });
});

describe('links that are lost', () => {
  it('[MESH5] marks the member failed with LINK_LOST when a connection cannot be rebuilt, and a later call redials', async () => {
    const { joinMany, network, clock } = createWorld();
    const [a, b, c] = await joinMany(3);
    const lost = await a!.mesh.channel(b!.id);
    const other = await a!.mesh.channel(c!.id);
    b!.rtc.routed = false;
    network.pairs[0]!.drop();
    await clock.advance(29_000);
    expect(a!.mesh.members.get(b!.id)).toMatchObject({ state: 'connected', reconnecting: true });
    await clock.advance(1_000);
    expect((await lost.closed)?.code).toBe('LINK_LOST');
    expect(a!.mesh.members.get(b!.id)).toMatchObject({ state: 'failed', error: { code: 'LINK_LOST' } });
    expect(a!.mesh.members.get(c!.id)).toMatchObject({ state: 'connected' });
    await clock.advance(20_000);
    b!.rtc.routed = true;
    const again = await a!.mesh.channel(b!.id);
    await settle();
    expect(again).not.toBe(lost);
    await expectAlive(again, b!.channels.at(-1)!);
    await expectAlive(other, c!.channels[0]!);
  });

  it('[MESH6] replaces a channel that has ended on the other side only', async () => {
    const { joinMany, network } = createWorld();
    const [a, b] = await joinMany(2);
    const older = await a!.mesh.channel(b!.id);
    await settle();
    // b ends the channel while its network is gone, so that a does not hear of it.
    for (const link of [a, b].map((device) => device!.rtc.links[0]!)) link.send = () => undefined;
    b!.rtc.links[0]!.close = () => undefined;
    b!.channels[0]!.close();
    await settle();
    const newer = await b!.mesh.channel(a!.id);
    await settle();
    expect((await older.closed)?.code).toBe('LINK_LOST');
    expect(await a!.mesh.channel(b!.id)).toBe(a!.channels.at(-1));
    expect(a!.mesh.members.get(b!.id)).toMatchObject({ state: 'connected' });
    await expectAlive(newer, a!.channels.at(-1)!);
    expect(network.pairs).toHaveLength(2);
  });

  it('[MESH7] ends only the link of a member that sends garbage', async () => {
    const { joinMany } = createWorld();
    const [a, b, c] = await joinMany(3);
    const toB = await a!.mesh.channel(b!.id);
    const toC = await a!.mesh.channel(c!.id);
    await settle();
    b!.rtc.links[0]!.send(Uint8Array.from({ length: 100 }, (_, i) => (i * 37) & 255));
    await settle();
    expect((await toB.closed)?.code).toMatch(/^PROTOCOL_/);
    expect(a!.mesh.members.get(b!.id)?.state).toBe('failed');
    await expectAlive(toC, c!.channels[0]!);
  });
});

describe('signaling that is lost', () => {
  it('[MESH8] keeps running connections, reconnects, and connects to newcomers again', async () => {
    const world = createWorld();
    const { joinMany, signaling, clock } = world;
    const [a, b] = await joinMany(2);
    const channel = await a!.mesh.channel(b!.id);
    await settle();
    signaling.goDown();
    await clock.advance(60_000);
    expect(a!.events.filter((event) => event.type === 'signaling').at(-1)).toMatchObject({
      state: 'lost',
      error: { code: 'SIGNALING_UNREACHABLE' },
    });
    await expectAlive(channel, b!.channels[0]!);
    expect(a!.mesh.members.get(b!.id)).toMatchObject({ state: 'connected' });
    signaling.comeUp();
    await clock.advance(15_000);
    expect(a!.events.filter((event) => event.type === 'signaling').at(-1)).toMatchObject({ state: 'open' });
    await expectAlive(channel, b!.channels[0]!);
    expect(await a!.mesh.channel(b!.id)).toBe(channel);
    const c = await world.join('newcomer');
    await settle();
    await expectAlive(await a!.mesh.channel(c.id), c.channels[0]!);
  });

  it('[MESH8] ignores that the server lost a member whose channel lives, until the channel dies', async () => {
    const { joinMany, signaling, network, clock } = createWorld();
    const [a, b] = await joinMany(2);
    await a!.mesh.channel(b!.id);
    // b's heartbeats no longer reach the server; its data channel is fine.
    signaling.intercept = (message) => (message.type === 'heartbeat' ? undefined : message);
    const left = (): boolean => a!.events.some((event) => event.type === 'member-left');
    signaling.goDown();
    signaling.comeUp();
    signaling.intercept = (message) =>
      message.type === 'joined'
        ? { ...message, members: [] }
        : message.type === 'member-joined'
          ? undefined
          : message;
    await clock.advance(20_000);
    expect(left()).toBe(false);
    expect(a!.mesh.members.get(b!.id)?.state).toBe('connected');
    b!.rtc.routed = false;
    network.pairs[0]!.drop();
    await clock.advance(4_000);
    expect(left()).toBe(true);
    expect(a!.mesh.members.has(b!.id)).toBe(false);
  });

  it('[LIVE1] ends the channel of a member that has left the server and is silent', async () => {
    const { joinMany, signaling, clock } = createWorld();
    const [a, b, c] = await joinMany(3);
    const [toB, toC] = [await a!.mesh.channel(b!.id), await a!.mesh.channel(c!.id)];
    await settle();
    // b freezes: neither heartbeats nor anything else is answered, while the link stays up.
    b!.rtc.links[0]!.onMessage = () => undefined;
    signaling.mute(b!.id);
    signaling.intercept = (message) =>
      message.type === 'joined' || message.type === 'member-joined' ? undefined : message;
    await clock.advance(16_000);
    expect((await toB.closed)?.code).toBe('LINK_LOST');
    expect(a!.mesh.members.get(b!.id)?.state).not.toBe('connected');
    await expectAlive(toC, c!.channels[0]!);
  });

  it('[LIVE1] keeps the channel of a member that only the server has lost', async () => {
    const { joinMany, signaling, clock } = createWorld();
    const [a, b] = await joinMany(2);
    const toB = await a!.mesh.channel(b!.id);
    await settle();
    signaling.mute(b!.id);
    await clock.advance(9_000);
    expect(a!.mesh.members.get(b!.id)?.state).toBe('connected');
    await clock.advance(60_000);
    await expectAlive(toB, b!.channels[0]!);
  });

  it('[MESH9] delivers a call that was made while the server was away', async () => {
    const { joinMany, signaling, clock } = createWorld();
    const [a, b] = await joinMany(2);
    for (const device of [a!, b!]) device.events.length = 0;
    signaling.goDown();
    const call = a!.mesh.channel(b!.id);
    await clock.advance(1000);
    signaling.comeUp();
    await clock.advance(10_000);
    await expect(call).resolves.toMatchObject({ peer: b!.id });
  });

  it('[MESH10] notices a server that is silent without closing', async () => {
    const { joinMany, signaling, clock } = createWorld();
    const [a] = await joinMany(1);
    signaling.intercept = (message) => (message.type === 'heartbeat' ? undefined : message);
    await clock.advance(11_000);
    expect(a!.events.filter((event) => event.type === 'signaling').map((event) => event.state)).toContain(
      'lost',
    );
  });

  it('[MESH10] retries with growing, jittered pauses of at most 15 s', async () => {
    const { joinMany, signaling, clock } = createWorld();
    await joinMany(1);
    signaling.goDown();
    signaling.opened = 0;
    await clock.advance(10_000);
    const early = signaling.opened;
    expect(early).toBeGreaterThanOrEqual(4);
    expect(early).toBeLessThanOrEqual(8);
    await clock.advance(300_000);
    expect(signaling.opened - early).toBeGreaterThanOrEqual(19);
    expect(signaling.opened - early).toBeLessThanOrEqual(41);
  });
});

describe('joining', () => {
  it('[MESH11] rejects with SIGNALING_UNREACHABLE when no server answers in time, and with its refusal at once', async () => {
    const world = createWorld();
    world.signaling.goDown();
    const joining = rejectionOf(world.join('a'));
    await world.clock.advance(15_000);
    const error = await joining;
    expect(error.code).toBe('SIGNALING_UNREACHABLE');
    expect(error.message).toContain('connection refused');

    const silent = createWorld();
    silent.signaling.intercept = () => undefined;
    const waiting = rejectionOf(silent.join('a'));
    await silent.clock.advance(15_000);
    expect((await waiting).code).toBe('SIGNALING_UNREACHABLE');

    const full = createWorld();
    full.signaling.intercept = (message) =>
      message.type === 'joined'
        ? { type: 'error', code: 'ROOM_FULL', message: 'The room is full.' }
        : message;
    expect((await rejectionOf(full.join('a'))).code).toBe('ROOM_FULL');
    expect(full.clock.pending).toBe(1);
  });
});
