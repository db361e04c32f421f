import { describe, expect, it } from 'vitest';
import { PeerServerSignaling } from '../../../src/mesh/peer-server-signaling.ts';
import type { SignalingSocket } from '../../../src/mesh/socket.ts';
import { placeIds, PLACES, PUBLIC_PEER_SERVER } from '../../../src/protocol/peer-server.ts';
import type { RoomLink } from '../../../src/protocol/room-link.ts';
import { asPeerId, asRoomId, type PeerId } from '../../../src/shared/ids.ts';
import { FakeClock } from './fake-clock.ts';

const room = asRoomId('7'.repeat(32));
const self = asPeerId('a'.repeat(32));
const other = asPeerId('b'.repeat(32));
const places = placeIds(room);

/** A member whose server is played by the test. */
function script(firstByte = 0) {
  const clock = new FakeClock();
  const sockets: (SignalingSocket & { url: URL; sent: Record<string, unknown>[]; closed: boolean })[] = [];
  const log: unknown[] = [];
  const signaling = new PeerServerSignaling({
    link: {} as RoomLink,
    peerServer: PUBLIC_PEER_SERVER,
    room,
    self,
    clock,
    randomBytes: (length) => new Uint8Array(length).fill(firstByte),
    openSocket: (url) => {
      const socket = {
        url: new URL(url),
        sent: [] as Record<string, unknown>[],
        closed: false,
        onOpen: undefined,
        onMessage: undefined,
        onClose: undefined,
        send: (text: string) => void socket.sent.push(JSON.parse(text) as Record<string, unknown>),
        close: () => void (socket.closed = true),
      };
      sockets.push(socket);
      return socket;
    },
    events: {
      state: (state, error) => log.push(error ? [state, error.code] : state),
      joined: (members) => log.push(['joined', ...members]),
      memberJoined: (peer) => log.push(['+', peer]),
      memberLeft: (peer) => log.push(['-', peer]),
      relay: (from, payload) => log.push(['relay', from, payload]),
    },
  });
  const say = (message: unknown): void => sockets.at(-1)!.onMessage?.(JSON.stringify(message));
  const present = (place: number, peer: PeerId, answer = false): void =>
    say({ type: 'CANDIDATE', src: places[place], payload: { kind: 'present', peer, answer } });
  return { clock, sockets, log, signaling, say, present };
}

describe('signaling over a PeerServer', () => {
  it('[PS1] places differ by room, and are ids that a PeerServer takes', () => {
    expect(new Set([...places, ...placeIds(asRoomId('8'.repeat(32)))]).size).toBe(2 * PLACES);
    for (const id of places) expect(id).toMatch(/^[A-Za-z0-9]+$/);
  });

  it('[PS2] takes the next place when one is taken, and calls all others', () => {
    const { sockets, log, signaling, say } = script(PLACES - 1);
    signaling.start();
    expect(sockets[0]!.url.searchParams.get('id')).toBe(places[PLACES - 1]);
    say({ type: 'ID-TAKEN', payload: { msg: 'ID is taken' } });
    expect(sockets[0]!.closed).toBe(true);
    expect(sockets[1]!.url.searchParams.get('id')).toBe(places[0]);
    say({ type: 'OPEN' });
    expect(log.filter((entry) => entry !== 'connecting')).toEqual(['open', ['joined']]);
    expect(sockets[1]!.sent.map(({ dst }) => dst)).toEqual(places.slice(1));
    expect(sockets[1]!.sent[0]).toMatchObject({ payload: { kind: 'present', peer: self, answer: true } });
  });

  it('[PS2] a room without a free place is ROOM_FULL', () => {
    const { log, signaling, say } = script();
    signaling.start();
    for (let taken = 0; taken < PLACES; taken += 1) say({ type: 'ID-TAKEN' });
    expect(log.at(-1)).toEqual(['lost', 'ROOM_FULL']);
  });

  it('[PS3] answers calls, and hears who comes, moves and is gone', () => {
    const { sockets, log, signaling, say, present } = script();
    signaling.start();
    say({ type: 'OPEN' });
    const socket = sockets[0]!;
    log.length = 0;
    present(3, other, true);
    expect(socket.sent.at(-1)).toMatchObject({ dst: places[3], payload: { kind: 'present', answer: false } });
    present(3, other);
    expect(log).toEqual([['+', other]]);
    present(5, other);
    expect(log).toEqual([['+', other]]);
    signaling.relay(other, 'payload');
    expect(socket.sent.at(-1)).toMatchObject({
      dst: places[5],
      payload: { kind: 'relay', payload: 'payload' },
    });
    say({ type: 'EXPIRE', src: places[5], dst: places[0] });
    expect(log.at(-1)).toEqual(['-', other]);
  });

  it('[PS4] what makes no sense, is for somebody else, or comes from no place of the room changes nothing', () => {
    const { log, signaling, say, present } = script();
    signaling.start();
    say({ type: 'OPEN' });
    log.length = 0;
    const relay = { kind: 'relay', from: other, to: other, payload: 'x' };
    say({ type: 'CANDIDATE', src: places[2], payload: relay });
    say({ type: 'CANDIDATE', src: 'stranger', payload: { ...relay, to: self } });
    say({ type: 'CANDIDATE', src: places[2], payload: { kind: 'present', peer: 'nobody', answer: true } });
    say({ type: 'OFFER', src: places[2], payload: { sdp: 'x' } });
    say({ type: 'LEAVE', src: places[9] });
    present(0, other);
    present(2, self);
    expect(log).toEqual([]);
    say({ type: 'CANDIDATE', src: places[2], payload: { ...relay, to: self } });
    expect(log).toEqual([
      ['+', other],
      ['relay', other, 'x'],
    ]);
  });

  it('[PS5] beats for the server, calls its members, and comes back to its place after a loss', async () => {
    const { clock, sockets, log, signaling, say, present } = script();
    signaling.start();
    say({ type: 'OPEN' });
    present(4, other);
    const socket = sockets[0]!;
    socket.sent.length = 0;
    await clock.advance(15_000);
    expect(socket.sent.filter(({ type }) => type === 'HEARTBEAT').length).toBe(3);
    expect(socket.sent.filter(({ dst }) => dst === places[4]).length).toBe(1);
    socket.onClose?.('gone');
    expect(log.at(-1)).toEqual(['lost', 'SIGNALING_LOST']);
    signaling.relay(other, 'waits');
    await clock.advance(1_000);
    expect(sockets[1]!.url.search).toBe(socket.url.search);
    say({ type: 'OPEN' });
    expect(log.slice(-2)).toEqual(['open', ['joined', other]]);
    expect(sockets[1]!.sent.at(-1)).toMatchObject({ dst: places[4], payload: { payload: 'waits' } });
    signaling.close();
    expect(sockets[1]!.sent.slice(-2)).toMatchObject([{ payload: { kind: 'absent' } }, { type: 'LEAVE' }]);
    expect(clock.pending).toBe(0);
  });

  it('[PS6] a server that is none, refuses the key or is full says so by a code', () => {
    for (const [answer, code] of [
      [{ type: 'INVALID-KEY' }, 'SIGNALING_REFUSED'],
      [{ type: 'ERROR', payload: { msg: 'x' } }, 'SIGNALING_REFUSED'],
      ['hello', 'PROTOCOL_MALFORMED'],
    ] as const) {
      const { log, signaling, say } = script();
      signaling.start();
      say(answer);
      expect(log.at(-1)).toEqual(['lost', code]);
    }
    const { clock, log, signaling } = script();
    signaling.start();
    return clock.advance(10_000).then(() => expect(log).toContainEqual(['lost', 'SIGNALING_UNREACHABLE']));
  });
});
