import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, SignalingRooms, type SignalingLogEvent } from '../../../signaling/rooms.ts';
import { parseServerMessage, SIGNALING_VERSION } from '../../../src/protocol/signaling.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

const id = (n: number): string => n.toString(16).padStart(32, '0');

function setUp(limits: Partial<typeof DEFAULT_LIMITS> = {}) {
  const clock = new FakeClock();
  const log: SignalingLogEvent[] = [];
  const rooms = new SignalingRooms({
    clock,
    limits: { ...DEFAULT_LIMITS, ...limits },
    iceServers: [{ urls: ['stun:h:1'] }],
    log: (event) => log.push(event),
  });
  const connect = () => {
    const client = {
      received: [] as ReturnType<typeof parseServerMessage>[],
      ended: undefined as string | undefined,
      bufferedBytes: 0,
      say: (message: unknown) => session.message(JSON.stringify(message)),
      join: (room: number, peer: number, resume = peer) =>
        client.say({
          type: 'join',
          version: SIGNALING_VERSION,
          room: id(room),
          peer: id(peer),
          resume: id(resume),
        }),
      types: () => client.received.map((message) => message.type),
      close: () => session.closed(),
    };
    const session = rooms.accept({
      get bufferedBytes() {
        return client.bufferedBytes;
      },
      send: (text) => client.received.push(parseServerMessage(text)),
      close: (code) => (client.ended ??= `closed ${code}`),
      terminate: () => (client.ended ??= 'terminated'),
    });
    return client;
  };
  return { clock, rooms, connect, log };
}

describe('signaling rooms', () => {
  it('[SIG1] tells a joiner who is there, and the others who joined and left', () => {
    const { connect } = setUp();
    const [a, b] = [connect(), connect()];
    a.join(1, 10);
    b.join(1, 11);
    expect(a.received).toMatchObject([
      { type: 'joined', members: [], iceServers: [{ urls: ['stun:h:1'] }] },
      { type: 'member-joined', peer: id(11) },
    ]);
    expect(b.received).toMatchObject([{ type: 'joined', members: [id(10)] }]);
    b.close();
    expect(a.received.at(-1)).toEqual({ type: 'member-left', peer: id(11) });
    const c = connect();
    c.join(1, 12);
    c.say({ type: 'leave' });
    expect(a.types().slice(-2)).toEqual(['member-joined', 'member-left']);
    expect(c.ended).toBe('closed 1000');
  });

  it('[SIG2] relays within a room, with the true sender, and never to another room', () => {
    const { connect, rooms } = setUp();
    const [a, b, stranger] = [connect(), connect(), connect()];
    a.join(1, 10);
    b.join(1, 11);
    stranger.join(2, 12);
    a.say({ type: 'relay', to: id(11), payload: 'abc' });
    a.say({ type: 'relay', to: id(12), payload: 'abc' });
    expect(b.received.at(-1)).toEqual({ type: 'relay', from: id(10), payload: 'abc' });
    expect(stranger.types()).toEqual(['joined']);
    expect(rooms.stats()).toMatchObject({ rooms: 2, members: 3, relayed: 1 });
  });

  it.each([
    ['not JSON', '{', 'PROTOCOL_MALFORMED'],
    ['null', 'null', 'PROTOCOL_MALFORMED'],
    ['a list', '[]', 'PROTOCOL_MALFORMED'],
    ['an unknown type', '{"type":"shutdown"}', 'PROTOCOL_MALFORMED'],
    ['a prototype', '{"type":"__proto__","__proto__":{"type":"leave"}}', 'PROTOCOL_MALFORMED'],
    [
      'an extra field',
      JSON.stringify({ type: 'join', version: 1, room: id(1), peer: id(1), resume: id(1), admin: true }),
      'PROTOCOL_MALFORMED',
    ],
    [
      'a bad id',
      JSON.stringify({ type: 'join', version: 1, room: id(1), peer: '../x', resume: id(1) }),
      'PROTOCOL_MALFORMED',
    ],
    [
      'another version',
      JSON.stringify({ type: 'join', version: 999, room: 'new format' }),
      'PROTOCOL_VERSION',
    ],
    ['a relay before join', JSON.stringify({ type: 'relay', to: id(1), payload: '' }), 'PROTOCOL_ORDER'],
    ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'PROTOCOL_MALFORMED'],
  ])('[SIG3] ends a socket that sends %s with a coded error, and nobody else', (_what, text, code) => {
    const { rooms, connect } = setUp();
    const witness = connect();
    witness.join(1, 50);
    const client = connect();
    client.say(JSON.parse('{"type":"heartbeat"}'));
    const hostile = connect();
    const session = rooms.accept({
      bufferedBytes: 0,
      send: (message) => hostile.received.push(parseServerMessage(message)),
      close: (status) => (hostile.ended = `closed ${status}`),
      terminate: () => undefined,
    });
    session.message(text);
    expect(hostile.received).toMatchObject([{ type: 'error', code }]);
    expect(hostile.ended).toBe('closed 1008');
    session.message(text);
    expect(hostile.received).toHaveLength(1);
    expect(witness.types()).toEqual(['joined']);
    expect(witness.ended).toBeUndefined();
  });

  it('[SIG4] cuts off who speaks faster than the limit, and earns tokens back with time', async () => {
    const { clock, connect } = setUp({ messageBurst: 5, messagesPerSecond: 1, deadAfterMs: 1e9 });
    const [slow, fast] = [connect(), connect()];
    slow.join(1, 1);
    fast.join(1, 2);
    for (let i = 0; i < 4; i += 1) slow.say({ type: 'heartbeat' });
    await clock.advance(3000);
    for (let i = 0; i < 3; i += 1) slow.say({ type: 'heartbeat' });
    expect(slow.ended).toBeUndefined();
    for (let i = 0; i < 9; i += 1) fast.say({ type: 'heartbeat' });
    expect(fast.received.at(-1)).toMatchObject({ type: 'error', code: 'PROTOCOL_LIMIT' });
    expect(slow.received.at(-1)).toEqual({ type: 'member-left', peer: id(2) });
    slow.say({ type: 'relay', to: id(2), payload: 'a'.repeat(20_000) });
    expect(slow.received.at(-1)).toMatchObject({ type: 'error', code: 'PROTOCOL_LIMIT' });
  });

  it('[SIG5] limits members per room and rooms', () => {
    const { connect } = setUp({ maxMembersPerRoom: 2, maxRooms: 1 });
    const clients = [1, 2, 3].map((peer) => {
      const client = connect();
      client.join(1, peer);
      return client;
    });
    expect(clients[2]!.received).toMatchObject([{ type: 'error', code: 'ROOM_FULL' }]);
    const other = connect();
    other.join(2, 4);
    expect(other.received).toMatchObject([{ type: 'error', code: 'ROOM_FULL' }]);
    clients[0]!.close();
    clients[1]!.close();
    const later = connect();
    later.join(2, 4);
    expect(later.types()).toEqual(['joined']);
  });

  it('[SIG6] lets nobody take a living id, and its owner take it back unnoticed', () => {
    const { connect } = setUp();
    const [witness, owner, thief, back] = [connect(), connect(), connect(), connect()];
    witness.join(1, 1);
    owner.join(1, 2, 77);
    thief.join(1, 2, 78);
    expect(thief.received).toMatchObject([{ type: 'error', code: 'SIGNALING_REFUSED' }]);
    expect(owner.ended).toBeUndefined();
    back.join(1, 2, 77);
    expect(owner.ended).toBe('terminated');
    owner.close();
    witness.say({ type: 'relay', to: id(2), payload: 'x' });
    expect(back.received).toMatchObject([{ type: 'joined', members: [id(1)] }, { type: 'relay' }]);
    expect(witness.types()).toEqual(['joined', 'member-joined']);
  });

  it('[SIG7] hears of a dead socket within ten seconds, and of a silent newcomer', async () => {
    const { clock, connect } = setUp();
    const [alive, dead, silent] = [connect(), connect(), connect()];
    alive.join(1, 1);
    dead.join(1, 2);
    for (let second = 0; second < 10; second += 1) {
      await clock.advance(1000);
      if (alive.received.at(-1)?.type === 'heartbeat') alive.say({ type: 'heartbeat' });
    }
    expect(dead.ended).toBe('terminated');
    expect(alive.received.filter((message) => message.type === 'member-left')).toEqual([
      { type: 'member-left', peer: id(2) },
    ]);
    expect(alive.ended).toBeUndefined();
    expect(silent.received).toMatchObject([{ type: 'error', code: 'PROTOCOL_ORDER' }]);
    expect(silent.ended).toBe('closed 1008');
  });

  it('[SIG7] gives a dead socket’s id to the next who asks', async () => {
    const { clock, connect } = setUp({ heartbeatIntervalMs: 60_000 });
    const [dead, next] = [connect(), connect()];
    dead.join(1, 2, 77);
    await clock.advance(8000);
    next.join(1, 2, 78);
    expect(next.types()).toEqual(['joined']);
    expect(dead.ended).toBe('terminated');
  });

  it('[SIG8] cuts off a socket that does not take what is sent to it', () => {
    const { connect } = setUp();
    const [a, slow] = [connect(), connect()];
    a.join(1, 1);
    slow.join(1, 2);
    slow.bufferedBytes = DEFAULT_LIMITS.maxBufferedBytes + 1;
    a.say({ type: 'relay', to: id(2), payload: 'x' });
    expect(slow.ended).toBe('terminated');
    expect(a.received.at(-1)).toEqual({ type: 'member-left', peer: id(2) });
  });

  it('[SIG9] logs neither payloads nor whole ids', () => {
    const { connect, log } = setUp();
    const [a, b] = [connect(), connect()];
    a.join(1, 0xabcdef);
    b.join(1, 2);
    a.say({ type: 'relay', to: id(2), payload: 'SECRET' });
    a.say({ type: 'relay', to: id(2), payload: 'SECRET with spaces' });
    const text = JSON.stringify(log);
    expect(log.length).toBeGreaterThan(2);
    expect(text).not.toContain('SECRET');
    expect(text).not.toContain(id(0xabcdef));
  });
});
