import { describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import { deriveRoomKeys } from '../../../src/protocol/room-link.ts';
import { NO_NONCE, readEnvelope, sealMessage } from '../../../src/protocol/sealing.ts';
import { asPeerId, toHex } from '../../../src/shared/ids.ts';
import type { RtcConnection } from '../../../src/transport/rtc.ts';
import { settle } from './fake-clock.ts';
import { rejectionOf } from './thrown.ts';
import { createWorld } from './world.ts';

describe('dials that fail', () => {
  it('[DIAL1] end within 15 s, on both sides, with the cause in words', async () => {
    const { joinMany, clock } = createWorld();
    const [a, b, c] = await joinMany(3);
    const toC = await a!.mesh.channel(c!.id);
    a!.rtc.routed = false;
    const call = rejectionOf(a!.mesh.channel(b!.id));
    await clock.advance(15_000);
    const error = await call;
    expect(error.code).toBe('LINK_NO_ROUTE');
    expect(error.message).toMatch(/different networks|client isolation/);
    expect(a!.mesh.members.get(b!.id)).toMatchObject({ state: 'failed', error: { code: 'LINK_NO_ROUTE' } });
    await clock.advance(100);
    expect(b!.mesh.members.get(a!.id)).toMatchObject({ state: 'failed', error: { code: 'LINK_NO_ROUTE' } });
    toC.sendControl({ type: 'ping', nonce: 1 });
    a!.rtc.routed = true;
    expect(await a!.mesh.channel(b!.id)).toMatchObject({ peer: b!.id });
  });

  it('[DIAL1] tells that two browsers hide their addresses', async () => {
    const { joinMany, clock } = createWorld();
    const [a, b] = await joinMany(2);
    for (const device of [a!, b!]) {
      device.rtc.candidates = ['mdns'];
      device.rtc.routed = false;
    }
    const call = rejectionOf(b!.mesh.channel(a!.id));
    await clock.advance(15_000);
    expect((await call).message).toMatch(/block multicast/);
  });

  it('[DIAL2] knock again until the time is up when a member does not answer', async () => {
    const { joinMany, clock, signaling } = createWorld();
    const [a, b] = await joinMany(2);
    signaling.intercept = (message) =>
      message.type === 'relay' && message.from === b!.id ? undefined : message;
    const call = rejectionOf(a!.mesh.channel(b!.id));
    await clock.advance(15_000);
    const error = await call;
    expect(error.code).toBe('LINK_TIMEOUT');
    expect(error.message).toMatch(/asleep/);
    expect(signaling.relayed.filter(({ from }) => from === a!.id)).toHaveLength(5);
    // What was answered in vain has cost the other side no connection.
    expect(b!.rtc.signals).toHaveLength(0);
    await clock.advance(15_000);
    expect(b!.mesh.members.get(a!.id)?.state).toBe('announced');
  });

  it('[DIAL2] survive the loss of any single signaling message', async () => {
    // offer and answer aside, which the connection itself needs; their loss ends in a named error.
    for (let lost = 0; lost < 3; lost += 1) {
      const { joinMany, clock, signaling } = createWorld();
      const [a, b] = await joinMany(2);
      let count = 0;
      signaling.intercept = (message) => (message.type === 'relay' && count++ === lost ? undefined : message);
      const call = a!.mesh.channel(b!.id).then(
        () => 'connected',
        (error: { code: string }) => error.code,
      );
      await clock.advance(15_000);
      expect(await call, `message ${lost} lost`).toBe(lost < 2 ? 'connected' : 'LINK_TIMEOUT');
    }
  });

  it('[DIAL3] end at once when the member leaves before it answers', async () => {
    const { joinMany, signaling } = createWorld();
    const [a, b] = await joinMany(2);
    signaling.intercept = (message) => (message.type === 'relay' ? undefined : message);
    const call = rejectionOf(a!.mesh.channel(b!.id));
    await settle();
    await b!.mesh.leave();
    expect((await call).code).toBe('LINK_CLOSED');
    expect(a!.mesh.members.has(b!.id)).toBe(false);
  });

  it('[DIAL3] are refused for strangers and for oneself', async () => {
    const { joinMany } = createWorld();
    const [a] = await joinMany(1);
    expect((await rejectionOf(a!.mesh.channel(asPeerId('0'.repeat(32))))).code).toBe('LINK_CLOSED');
    expect((await rejectionOf(a!.mesh.channel(a!.id))).code).toBe('INTERNAL');
  });

  it('[DIAL4] say AUTH_FAILED when the server changes what it relays', async () => {
    const { joinMany, clock, signaling } = createWorld();
    const [a, b] = await joinMany(2);
    signaling.intercept = (message) =>
      message.type === 'relay' && message.from === b!.id
        ? { ...message, payload: `${message.payload.slice(0, -4)}AAAA` }
        : message;
    const call = rejectionOf(a!.mesh.channel(b!.id));
    await clock.advance(15_000);
    expect((await call).code).toBe('AUTH_FAILED');
  });

  it('[DIAL4] fail on both sides when someone sits in between', async () => {
    const { joinMany } = createWorld();
    const [a, b, c] = await joinMany(3);
    const toC = await a!.mesh.channel(c!.id);
    b!.rtc.tamperFingerprint = true;
    const error = await rejectionOf(a!.mesh.channel(b!.id));
    expect(error.code).toBe('AUTH_FAILED');
    await settle();
    expect(b!.mesh.members.get(a!.id)).toMatchObject({ state: 'failed', error: { code: 'AUTH_FAILED' } });
    expect(a!.channels).toEqual([toC]);
    expect(b!.channels).toEqual([]);
  });

  it('[DIAL5] name both versions on both sides', async () => {
    const { join, joinMany } = createWorld();
    const [a] = await joinMany(1);
    const newer = await join('newer', { versions: [PROTOCOL_VERSION + 1] });
    await settle();
    for (const [from, to] of [
      [a!, newer],
      [newer, a!],
    ] as const) {
      const error = await rejectionOf(from.mesh.channel(to.id));
      expect(error.code).toBe('PROTOCOL_VERSION');
      expect(error.message).toContain(`version ${PROTOCOL_VERSION}`);
      expect(error.message).toContain(`version ${PROTOCOL_VERSION + 1}`);
      await settle();
      expect(to.mesh.members.get(from.id)).toMatchObject({ error: { code: 'PROTOCOL_VERSION' } });
    }
  });
});

describe('a server or member that plays foul', () => {
  /** Everything that `from` sends to anyone from now on. */
  function record(world: ReturnType<typeof createWorld>, from: string): string[] {
    const payloads: string[] = [];
    world.signaling.intercept = (message) => {
      if (message.type === 'relay' && message.from === from) payloads.push(message.payload);
      return message;
    };
    return payloads;
  }
  const kindOf = (payload: string): string => readEnvelope(payload).kind;

  it('[DIAL6] gets an answer out of a replayed knock, and no connection', async () => {
    const world = createWorld();
    const [a, b] = await world.joinMany(2);
    const payloads = record(world, a!.id);
    await a!.mesh.channel(b!.id);
    await settle();
    const knock = payloads.find((payload) => kindOf(payload) === 'knock')!;
    const begun = world.network.begun;
    const answers = record(world, b!.id);
    world.signaling.forge(b!.id, a!.id, knock);
    await world.clock.advance(60_000);
    expect(answers.map(kindOf)).toEqual(['reply']);
    expect(world.network.begun).toBe(begun);
    expect(b!.mesh.members.get(a!.id)?.state).toBe('connected');
    expect(b!.channels).toHaveLength(1);
  });

  it('[DIAL6] reaches WebRTC with nothing that was said before, during or after the handshake', async () => {
    const world = createWorld();
    const [a, b, c] = await world.joinMany(3);
    const payloads = record(world, a!.id);
    const channel = await a!.mesh.channel(b!.id);
    await settle();
    const [signals, begun] = [b!.rtc.signals.length, world.network.begun];
    expect(payloads.filter((payload) => kindOf(payload) === 'signal')).toHaveLength(signals);
    for (const payload of payloads) {
      world.signaling.forge(b!.id, a!.id, payload);
      // Nor as somebody else's, nor to somebody else, nor back to where it came from.
      world.signaling.forge(b!.id, c!.id, payload);
      world.signaling.forge(c!.id, a!.id, payload);
      world.signaling.forge(a!.id, b!.id, payload);
      await settle();
    }
    expect(b!.rtc.signals).toHaveLength(signals);
    expect(world.network.begun).toBe(begun);
    channel.sendControl({ type: 'ping', nonce: 1 });
    expect(await a!.mesh.channel(b!.id)).toBe(channel);
  });

  it('[DIAL6] cannot repeat a signal while the connection is being made', async () => {
    const world = createWorld();
    const [a, b] = await world.joinMany(2);
    world.signaling.intercept = (message) => {
      // Twice, the second just behind the first.
      if (message.type === 'relay')
        queueMicrotask(() =>
          queueMicrotask(() =>
            world.signaling.forge(message.from === a!.id ? b!.id : a!.id, message.from, message.payload),
          ),
        );
      return message;
    };
    await a!.mesh.channel(b!.id);
    await settle();
    // One description and one candidate each.
    expect([a!.rtc.signals.length, b!.rtc.signals.length]).toEqual([2, 2]);
    expect(world.network.pairs).toHaveLength(1);
  });

  it('[DIAL7] gets a limited number of answers to its knocks, and more with time', async () => {
    const world = createWorld();
    const [a, b] = await world.joinMany(2);
    const keys = deriveRoomKeys(world.link);
    const answers = record(world, b!.id);
    const knock = (): void =>
      world.signaling.forge(
        b!.id,
        a!.id,
        sealMessage(
          { key: keys.sealingKey, room: keys.roomId, sender: a!.id, receiver: b!.id },
          {
            kind: 'knock',
            sequence: 0,
            senderNonce: toHex(world.randomBytes(16)),
            receiverNonce: NO_NONCE,
          },
          {},
          world.randomBytes,
        ),
      );
    for (let i = 0; i < 100; i += 1) knock();
    await settle();
    expect(answers).toHaveLength(12);
    await world.clock.advance(4000);
    for (let i = 0; i < 100; i += 1) knock();
    await settle();
    expect(answers).toHaveLength(14);
    expect(b!.mesh.members.get(a!.id)?.state).toBe('announced');
  });

  it('[DIAL8] ends its own attempt with a description that WebRTC refuses', async () => {
    const world = createWorld();
    const [a, b] = await world.joinMany(2);
    const { openRtc } = b!.rtc;
    const hostile = await world.join('hostile', {
      openRtc: (options) => {
        const connection = openRtc(options);
        queueMicrotask(() =>
          queueMicrotask(() => connection.onSignal?.({ type: 'offer', sdp: 'v=0 m=video' })),
        );
        return connection;
      },
    });
    await settle();
    const error = await rejectionOf(a!.mesh.channel(hostile.id));
    expect(error.code).toBe('PROTOCOL_MALFORMED');
    expect(await a!.mesh.channel(b!.id)).toMatchObject({ peer: b!.id });
  });

  it('[DIAL8] loses its link with a code when it sends too much instead of HELLO', async () => {
    const world = createWorld();
    const [a, b] = await world.joinMany(2);
    const toB = await a!.mesh.channel(b!.id);
    for (const [message, code] of [
      [new Uint8Array(20_000), 'PROTOCOL_LIMIT'],
      [Uint8Array.of(1, 2, 3), 'PROTOCOL_MALFORMED'],
      [new TextEncoder().encode('{"type":"accept"}'), 'PROTOCOL_ORDER'],
    ] as const) {
      const device = world.network.device();
      const hostile = await world.join('hostile', {
        openRtc: (options) => {
          const connection = device.openRtc(options);
          return {
            ...connection,
            signal: (signal) => connection.signal(signal),
            set onSignal(handler: RtcConnection['onSignal']) {
              connection.onSignal = handler;
            },
            opened: connection.opened.then((opened) => {
              opened.link.send(message);
              return { ...opened, link: { ...opened.link, send: () => undefined, close: () => undefined } };
            }),
          };
        },
      });
      await settle();
      expect((await rejectionOf(a!.mesh.channel(hostile.id))).code).toBe(code);
    }
    const pong: unknown[] = [];
    b!.channels[0]!.onControl = (control) => pong.push(control);
    toB.sendControl({ type: 'ping', nonce: 9 });
    await settle();
    expect(pong).toEqual([{ type: 'ping', nonce: 9 }]);
  });

  it('[DIAL9] fails by name when the other side opens and then says nothing', async () => {
    const world = createWorld();
    const [a] = await world.joinMany(1);
    const device = world.network.device();
    const mute = await world.join('mute', {
      openRtc: (options) => {
        const connection = device.openRtc(options);
        void connection.opened.then(({ link }) => (link.send = () => undefined));
        return connection;
      },
    });
    await settle();
    const call = rejectionOf(a!.mesh.channel(mute.id));
    await world.clock.advance(15_000);
    const error = await call;
    expect(error.code).toBe('LINK_TIMEOUT');
    expect(error.message).toMatch(/handshake/);
  });

  it('[DIAL9] fails by name when WebRTC cannot be had at all', async () => {
    const world = createWorld();
    const [a] = await world.joinMany(1);
    const without = await world.join('without WebRTC', {
      openRtc: () => {
        throw new Error('RTCPeerConnection is not defined');
      },
    });
    await settle();
    const error = await rejectionOf(without.mesh.channel(a!.id));
    expect(error.code).toBe('LINK_NO_ROUTE');
  });
});
