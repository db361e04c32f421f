import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { asPeerId, asSessionId } from '../../../src/shared/ids.ts';
import type { OwnDeviceEvent } from '../../../src/ui/join/own-device.ts';
import {
  initialPeerState,
  PeerStore,
  phaseOf,
  reducePeerState,
  type Device,
  type PeerEvent,
  type PeerState,
  type RoomState,
} from '../../../src/ui/peer-state.ts';

const device: Device = { name: 'Chrome on Linux', platform: 'Linux', memoryBytes: 1e9, missing: [] };
const entered: PeerEvent = {
  type: 'room-entered',
  room: 'blue-lynx',
  link: 'https://a/#blue-lynx.x',
  device,
};
const engine: PeerEvent = {
  type: 'engine',
  engine: { state: 'ready', name: 'tfjs-wasm', accuracy: 'f32', refused: [] },
};
const open: PeerEvent = { type: 'mesh', event: { type: 'signaling', state: 'open' } };
const session = asSessionId('1'.repeat(32));
const peer = asPeerId('2'.repeat(32));
const connected: PeerEvent = {
  type: 'mesh',
  event: {
    type: 'member',
    member: {
      state: 'connected',
      id: peer,
      capabilities: {
        name: 'Pi',
        engine: 'tfjs-wasm',
        accuracy: 'f32',
        memoryBytes: 1,
        platform: 'linux',
        serves: true,
      },
    },
  },
};
const prepared = (epoch = 0): PeerEvent => ({
  type: 'work',
  event: { type: 'session-ready', session, epoch, model: 'digits', opCount: 8, tiles: [], part: 0 },
});
const loading = {
  type: 'work',
  event: {
    type: 'session-loading',
    session,
    epoch: 0,
    model: 'digits',
    loadedBytes: 1,
    totalBytes: 4,
    readyTiles: 0,
    tileCount: 1,
    elapsedMs: 0,
  },
} as const satisfies PeerEvent;
const done = (frame: number, computeMs: number, tile = 0): PeerEvent => ({
  type: 'work',
  event: { type: 'tile-done', session, frame, segment: 0, tile, computeMs },
});
const refused: PeerEvent = {
  type: 'work',
  event: { type: 'session-refused', session, error: new PeerceptronError('PLAN_MEMORY', 'too large') },
};

const after = (...events: PeerEvent[]): PeerState => events.reduce(reducePeerState, initialPeerState);
function roomAfter(...events: PeerEvent[]): RoomState {
  const state = after(entered, engine, open, ...events);
  if (state.view !== 'room') throw new Error(`not in a room: ${state.view}`);
  return state;
}

describe('the state of the page', () => {
  it('goes from starting over connecting and alone to ready and working', () => {
    const phases = [
      [],
      [engine],
      [engine, open],
      [engine, open, connected],
      [engine, open, connected, prepared()],
    ].map((events) => {
      const state = after(entered, ...events);
      return state.view === 'room' ? phaseOf(state) : state.view;
    });
    expect(phases).toEqual(['starting', 'connecting', 'alone', 'ready', 'working']);
  });

  it('says that the room is lost even while work goes on', () => {
    const lost: PeerEvent = { type: 'mesh', event: { type: 'signaling', state: 'lost' } };
    expect(phaseOf(roomAfter(prepared(), lost))).toBe('lost');
    expect(phaseOf(roomAfter(prepared(), lost, open))).toBe('working');
  });

  it('forgets an error of the signaling server once it is reached again', () => {
    const error = new PeerceptronError('SIGNALING_LOST', 'closed');
    const lost: PeerEvent = { type: 'mesh', event: { type: 'signaling', state: 'lost', error } };
    expect(roomAfter(lost).signaling.problem).toEqual({ code: 'SIGNALING_LOST', message: 'closed' });
    expect(roomAfter(lost, open).signaling.problem).toBeUndefined();
  });

  it('keeps one entry per member and drops those that left', () => {
    const gone: PeerEvent = { type: 'mesh', event: { type: 'member-left', id: peer } };
    expect(roomAfter(connected, connected).members.size).toBe(1);
    expect(roomAfter(connected, gone).members.size).toBe(0);
  });

  it('counts a frame with several tiles here once, and every tile', () => {
    const work = roomAfter(prepared(), done(0, 10), done(0, 10, 1), done(1, 10), done(0, 10, 2)).sessions.get(
      session,
    )!;
    expect(work.frames).toBe(2);
    expect(work.tilesComputed).toBe(4);
  });

  it('smooths compute times, starting from the first', () => {
    const work = roomAfter(prepared(), done(0, 100), done(1, 200)).sessions.get(session)!;
    expect(work.lastComputeMs).toBe(200);
    expect(work.meanComputeMs).toBeCloseTo(110);
  });

  it('shows weights loading, but not in place of a plan that still runs', () => {
    expect(roomAfter(loading).sessions.get(session)!.stage.state).toBe('loading');
    expect(roomAfter(prepared(), loading).sessions.get(session)!.stage.state).toBe('ready');
  });

  it('says that weights are random as long as they are', () => {
    const random: PeerEvent = {
      type: 'work',
      event: {
        type: 'session-ready',
        session,
        epoch: 1,
        model: 'vgg16',
        seed: 7,
        opCount: 1,
        tiles: [],
        part: 0,
      },
    };
    expect(roomAfter(prepared(), random).sessions.get(session)!.seed).toBe(7);
    expect(roomAfter(random, prepared(2)).sessions.get(session)!.seed).toBeUndefined();
  });

  it('says who came and went, but not who was there before', () => {
    const present: PeerEvent = {
      type: 'present',
      members: new Map([[peer, { state: 'announced', id: peer }]]),
    };
    const gone: PeerEvent = { type: 'mesh', event: { type: 'member-left', id: peer } };
    expect(roomAfter(present).happenings).toEqual([]);
    // The end of its connection is heard of before the server's word.
    const apart: PeerEvent = {
      type: 'mesh',
      event: { type: 'member', member: { state: 'announced', id: peer } },
    };
    const room = roomAfter(present, connected, apart, gone);
    expect(room.happenings.map(({ number, kind, name }) => [number, kind, name])).toEqual([
      [1, 'left', 'Pi'],
    ]);
    expect([...room.departed]).toEqual([[peer, 'Pi']]);
    const forgotten = reducePeerState(room, { type: 'forgotten', peer });
    expect(forgotten).toMatchObject({ departed: new Map() });
  });

  it('knows how devices are only while they are connected', () => {
    const presence: PeerEvent = {
      type: 'presence',
      peer,
      presence: { load: 0.5, share: 1, framesPerSecond: 3, sent: [], work: [] },
    };
    const lost: PeerEvent = {
      type: 'mesh',
      event: { type: 'member', member: { state: 'announced', id: peer } },
    };
    expect(roomAfter(presence).presences.size).toBe(0);
    expect(roomAfter(connected, presence).presences.size).toBe(1);
    expect(roomAfter(connected, presence, lost).presences.size).toBe(0);
  });

  it('pauses, leaves, and shows what it has done', () => {
    const own = (event: OwnDeviceEvent): PeerEvent => ({ type: 'own-device', event });
    const paused = own({ type: 'activity', activity: { state: 'paused', reason: 'asked' } });
    expect(phaseOf(roomAfter(prepared(), paused))).toBe('paused');
    expect(phaseOf(roomAfter(prepared(), own({ type: 'leaving' })))).toBe('leaving');
    expect(after(entered, engine, open, prepared(), done(0, 1), own({ type: 'left' }))).toEqual({
      view: 'left',
      room: 'blue-lynx',
      frames: 1,
    });
  });

  it('keeps its counts when a better plan takes over', () => {
    const work = roomAfter(prepared(), done(0, 10), prepared(1)).sessions.get(session)!;
    expect(work).toMatchObject({ epoch: 1, frames: 1 });
  });

  it('remembers the frames of sessions that ended', () => {
    const ended: PeerEvent = { type: 'work', event: { type: 'session-ended', session } };
    const room = roomAfter(prepared(), done(0, 10), done(1, 10), ended);
    expect(room.sessions.size).toBe(0);
    expect(room.frames).toBe(2);
  });

  it('tells the rate at which weights come, once there is one', () => {
    const stageAfter = (elapsedMs: number) => {
      const event = { ...loading.event, loadedBytes: 3e6, totalBytes: 9e6, elapsedMs };
      return roomAfter({ type: 'work', event }).sessions.get(session)!.stage;
    };
    expect(stageAfter(1500)).toMatchObject({ loadedBytes: 3e6, totalBytes: 9e6, bytesPerSecond: 2e6 });
    expect(stageAfter(20)).not.toHaveProperty('bytesPerSecond');
  });

  it('drops a session that was refused while loading, keeps one whose next plan was refused', () => {
    expect(roomAfter(loading, refused).sessions.size).toBe(0);
    expect(roomAfter(prepared(), refused).sessions.size).toBe(1);
  });

  it('shows the latest three problems, newest first', () => {
    const failed = (message: string): PeerEvent => ({
      type: 'work',
      event: { type: 'tile-failed', session, error: new PeerceptronError('ENGINE_FAILED', message) },
    });
    const { problems } = roomAfter(failed('a'), failed('b'), failed('c'), failed('d'));
    expect(problems.map(({ message }) => message)).toEqual(['d', 'c', 'b']);
  });

  it('ignores late events of a room that was left', () => {
    const away = after(entered, engine, { type: 'no-room' });
    expect(reducePeerState(away, open)).toBe(away);
  });

  it('starts afresh in another room', () => {
    const second = after(entered, engine, open, connected, prepared(), { ...entered, room: 'red-wren' });
    expect(second).toMatchObject({ room: 'red-wren', engine: { state: 'choosing' }, frames: 0 });
  });
});

describe('the store', () => {
  it('calls a listener at once and at each change, and not after it left', () => {
    const store = new PeerStore();
    const seen: string[] = [];
    const leave = store.subscribe(({ view }) => seen.push(view));
    store.dispatch(engine); // means nothing outside of a room
    store.dispatch(entered);
    leave();
    store.dispatch({ type: 'no-room' });
    expect(seen).toEqual(['no-room', 'room']);
  });
});
