import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import { settle } from './fake-clock.ts';
import { createWorld } from './world.ts';

/** Two devices and a channel between them; `say` sends a numbered message each way, `heard` has what arrived. */
async function connected(seed = 1) {
  const world = createWorld(seed);
  const [a, b] = (await world.joinMany(2)) as [Device, Device];
  const channels: [PeerChannel, PeerChannel] = [
    await a.mesh.channel(b.id),
    await settle().then(() => b.channels[0]!),
  ];
  const heard: [number[], number[]] = [[], []];
  for (const [side, channel] of channels.entries())
    channel.onControl = (message) => {
      if (message.type === 'ping') heard[side]!.push(message.nonce);
    };
  let said = 0;
  const say = (): void => {
    for (const channel of channels) channel.sendControl({ type: 'ping', nonce: said });
    said += 1;
  };
  const expectAllHeard = (): void => {
    const all = Array.from({ length: said }, (_, nonce) => nonce);
    expect(heard).toEqual([all, all]);
  };
  const lose = (side: 0 | 1, code: 'LINK_LOST' | 'silently' = 'LINK_LOST'): void => {
    // What this side says, its goodbye included, no longer arrives; the other side notices nothing.
    for (const device of [a, b]) {
      const link = device.rtc.links.at(-1)!;
      link.send = link.close = () => undefined;
      if (device !== [a, b][side]) continue;
      if (code !== 'silently') link.onClose?.(new PeerceptronError(code, 'no route any more'));
    }
  };
  return { ...world, a, b, channels, say, expectAllHeard, lose };
}
type Device = Awaited<ReturnType<ReturnType<typeof createWorld>['join']>>;

describe('connections that break while both devices live', () => {
  it('[RES7] are rebuilt: the same channel goes on, and what was said meanwhile arrives', async () => {
    const { a, b, channels, say, expectAllHeard, network, clock } = await connected();
    say();
    network.pairs[0]!.drop();
    say();
    await clock.advance(100);
    say();
    await settle();
    expectAllHeard();
    expect([a.channels.length, b.channels.length]).toEqual([1, 1]);
    expect(await a.mesh.channel(b.id)).toBe(channels[0]);
    const states = a.events.flatMap((event) =>
      event.type === 'member' && event.member.id === b.id
        ? [
            event.member.state === 'connected' && event.member.reconnecting
              ? 'reconnecting'
              : event.member.state,
          ]
        : [],
    );
    expect(states.slice(-3)).toEqual(['connected', 'reconnecting', 'connected']);
  });

  it.each([
    ['the lower id', 0],
    ['the higher id', 1],
  ] as const)('[RES7] are rebuilt when only %s notices', async (_who, side) => {
    const { a, b, say, expectAllHeard, lose, clock } = await connected();
    say();
    await settle();
    lose(side);
    say();
    await clock.advance(5_000);
    say();
    await settle();
    expectAllHeard();
    expect([a.channels.length, b.channels.length]).toEqual([1, 1]);
    expect([a, b].map(({ mesh }) => [...mesh.members.values()][0])).toEqual([
      expect.not.objectContaining({ reconnecting: true }),
      expect.not.objectContaining({ reconnecting: true }),
    ]);
  });

  it('[RES7] are rebuilt whatever the time between the two sides noticing', async () => {
    // Every interleaving of the handshake with the second loss.
    for (let lag = 0; lag < 60; lag += 1) {
      for (const side of [0, 1] as const) {
        const { say, expectAllHeard, lose, network, clock } = await connected(lag + 1);
        say();
        lose(side);
        for (let turn = 0; turn < lag; turn += 1) await Promise.resolve();
        // Either the old connection at the other end, or the new one.
        network.pairs.at(-1)!.drop();
        say();
        await clock.advance(20_000);
        say();
        await settle();
        expectAllHeard();
      }
    }
  });

  it('[RES7] are rebuilt again and again, also when they break as soon as they are there', async () => {
    const { a, b, say, expectAllHeard, network, clock } = await connected();
    for (let round = 0; round < 60; round += 1) {
      say();
      network.pairs.at(-1)!.drop();
      for (let turn = 0; turn < round; turn += 1) await Promise.resolve();
      network.pairs.at(-1)!.drop();
      await clock.advance(round % 4 === 0 ? 6_000 : 1_000);
    }
    await clock.advance(20_000);
    say();
    await settle();
    expectAllHeard();
    expect([a.channels.length, b.channels.length]).toEqual([1, 1]);
  });

  it('[RES7] are rebuilt after an outage of network and signaling', async () => {
    const { b, say, expectAllHeard, network, signaling, clock } = await connected();
    b.rtc.routed = false;
    network.pairs[0]!.drop();
    say();
    await clock.advance(3_000);
    signaling.goDown();
    await clock.advance(5_000);
    signaling.comeUp();
    b.rtc.routed = true;
    await clock.advance(18_000);
    say();
    await settle();
    expectAllHeard();
  });

  it('[RES7] [LIVE1] are rebuilt when a member that the server lists again does not answer on them', async () => {
    const { a, b, say, expectAllHeard, lose, signaling, clock } = await connected();
    lose(0, 'silently');
    say();
    // The server loses b for a moment, which makes a look.
    signaling.mute(b.id);
    await clock.advance(30_000);
    say();
    await settle();
    expectAllHeard();
    expect([a.channels.length, b.channels.length]).toEqual([1, 1]);
  });
});

describe('connections that cannot be rebuilt', () => {
  it('[RES8] end their channel after 30 s, and free what was sent', async () => {
    const { a, b, channels, network, clock } = await connected();
    b.rtc.routed = false;
    const sending = channels[0].sendStream({ kind: 'weight', request: 1 }, new Uint8Array(3_000_000), {
      priority: 'weight',
    });
    const failed = expect(sending).rejects.toMatchObject({ code: 'LINK_LOST' });
    network.pairs[0]!.drop();
    await clock.advance(29_999);
    expect(a.mesh.members.get(b.id)?.state).toBe('connected');
    await clock.advance(1);
    for (const channel of channels) {
      const error = await channel.closed;
      expect(error?.code).toBe('LINK_LOST');
      expect(error?.message).toContain('could not be reached again within 30 s');
    }
    await failed;
  });

  it('[RES8] end their channel after 4 s when the server does not list the other side', async () => {
    const { a, b, channels, network, signaling, clock } = await connected();
    // A killed process: its socket ends, its connection falls silent.
    signaling.intercept = (message) =>
      message.type === 'joined' || message.type === 'member-joined' ? undefined : message;
    b.rtc.routed = false;
    network.pairs[0]!.drop();
    signaling.cutOff(b.id);
    await clock.advance(3_900);
    expect(a.mesh.members.get(b.id)?.state).toBe('connected');
    await clock.advance(100);
    expect((await channels[0].closed)?.message).toContain('left the signaling server');
    expect(a.mesh.members.has(b.id)).toBe(false);
  });

  it.each(['before', 'after'] as const)(
    '[RES8] end their channel at once when the other side closed them, %s the server says that it left',
    async (order) => {
      const { a, b, channels, signaling } = await connected();
      signaling.intercept = (message) =>
        message.type === 'joined' || message.type === 'member-joined' ? undefined : message;
      // A page that is closed: the browser closes the connection, and nobody says goodbye.
      if (order === 'before') b.rtc.links[0]!.close();
      signaling.cutOff(b.id);
      await settle();
      if (order === 'after') b.rtc.links[0]!.close();
      await settle();
      expect((await channels[0].closed)?.code).toBe('LINK_LOST');
      expect(a.mesh.members.has(b.id)).toBe(false);
    },
  );

  it('[RES6] give way to a new channel when the other side has none to go on with', async () => {
    const { a, b, channels, lose, clock } = await connected();
    lose(0, 'silently');
    channels[1].close();
    await clock.advance(1_500);
    a.rtc.links[0]!.onClose?.(new PeerceptronError('LINK_LOST', 'no route any more'));
    await clock.advance(1_000);
    expect((await channels[0].closed)?.code).toBe('LINK_LOST');
    expect([a.channels.length, b.channels.length]).toEqual([2, 2]);
    expect(await a.mesh.channel(b.id)).toBe(a.channels[1]);
  });

  it('[MESH4] are forgotten when the device leaves the room, with every timer', async () => {
    const { a, b, channels, network, signaling, clock } = await connected();
    b.rtc.routed = false;
    network.pairs[0]!.drop();
    await clock.advance(1_000);
    await Promise.all([a.mesh.leave(), b.mesh.leave()]);
    signaling.goDown();
    await clock.advance(5_000);
    expect(await Promise.all(channels.map(({ closed }) => closed))).toEqual([undefined, undefined]);
    expect(clock.pending).toBe(0);
  });
});
