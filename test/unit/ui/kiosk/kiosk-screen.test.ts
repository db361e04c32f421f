import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { asPeerId, asSessionId } from '../../../../src/shared/ids.ts';
import { KioskScreen } from '../../../../src/ui/kiosk/kiosk-screen.ts';
import { kioskPhase, kioskWork, type KioskState } from '../../../../src/ui/kiosk/kiosk-state.ts';
import { PeerStore, type PeerEvent } from '../../../../src/ui/peer-state.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

const session = asSessionId('e'.repeat(32));
const device = { name: 'Chrome on Linux', platform: 'Linux', memoryBytes: 1e9, missing: [] };
const joined: readonly PeerEvent[] = [
  { type: 'room-entered', room: 'red-wren', link: 'https://a/#red-wren.x', device },
  { type: 'engine', engine: { state: 'ready', name: 'tfjs-wasm', accuracy: 'f32', refused: [] } },
  { type: 'joined', self: asPeerId('0'.repeat(32)) },
  { type: 'mesh', event: { type: 'signaling', state: 'open' } },
];
const ready = {
  type: 'work',
  event: {
    type: 'session-ready',
    session,
    epoch: 0,
    model: 'vgg16',
    opCount: 38,
    part: 0.31,
    tiles: [
      {
        segment: 0,
        lane: 0,
        tile: 0,
        ops: [0, 4],
        firstOp: 'conv1',
        lastOp: 'pool1',
        outputs: [],
        weightBytes: 0,
      },
    ],
  },
} as const satisfies PeerEvent;
const frame = (number: number): PeerEvent => ({
  type: 'work',
  event: { type: 'tile-done', session, frame: number, segment: 0, tile: 0, computeMs: 20 },
});

function screen(dimMs = 120_000) {
  const clock = new FakeClock();
  let shown: KioskState | undefined;
  const kiosk = new KioskScreen({ clock, dimAfterMs: dimMs, show: (state) => (shown = state) });
  const store = new PeerStore();
  store.subscribe((state) => kiosk.onPeer(state));
  const happen = (...events: readonly PeerEvent[]): void => events.forEach((event) => store.dispatch(event));
  return { clock, kiosk, happen, now: () => shown! };
}

describe("a kiosk's screen", () => {
  it('counts frames per second, and stops when they stop', async () => {
    const { clock, happen, now } = screen();
    happen(...joined, ready);
    for (let number = 0; number < 40; number++) {
      happen(frame(number));
      await clock.advance(250);
    }
    expect(now().framesPerSecond).toBeCloseTo(4, 0);
    await clock.advance(30_000);
    expect(now().framesPerSecond).toBeUndefined();
  });

  it('names what it computes', () => {
    const { happen, now } = screen();
    happen(...joined);
    const room = () => {
      const { peer } = now();
      if (peer.view !== 'room') throw new Error(peer.view);
      return peer;
    };
    expect(kioskWork(room())).toBeUndefined();
    happen(ready);
    expect(kioskWork(room())).toMatchObject({
      models: ['vgg16'],
      tiles: [{ firstOp: 'conv1', lastOp: 'pool1' }],
    });
    expect(kioskPhase(now().peer)).toBe('working');
  });

  it('tells the part of the work where it is known and means one session', () => {
    const { happen, now } = screen();
    happen(...joined, ready);
    const { peer } = now();
    if (peer.view !== 'room') throw new Error(peer.view);
    expect(kioskWork(peer)!.part).toBe(0.31);
    const [work] = [...peer.sessions.values()];
    const two = new Map([
      [session, work!],
      [asSessionId('d'.repeat(32)), work!],
    ]);
    expect(kioskWork({ ...peer, sessions: two })!.part).toBeUndefined();
  });

  it('dims while nothing new happens, and work that goes on is nothing new', async () => {
    const { clock, happen, now } = screen(10_000);
    happen(...joined, ready);
    for (let number = 0; number < 12; number++) {
      happen(frame(number));
      await clock.advance(1000);
    }
    expect(now().isDimmed).toBe(true);
    happen({
      type: 'mesh',
      event: { type: 'signaling', state: 'lost', error: new PeerceptronError('SIGNALING_LOST', 'gone') },
    });
    expect(now().isDimmed).toBe(false);
    expect(now().problem).toEqual({ code: 'SIGNALING_LOST', message: 'gone' });
    await clock.advance(10_000);
    expect(now().isDimmed).toBe(true);
  });

  it('shows a failure for a while, wakes for it, and forgets it', async () => {
    const { clock, happen, now } = screen(10_000);
    happen(...joined);
    await clock.advance(20_000);
    const error = new PeerceptronError('PLAN_MEMORY', 'too large');
    happen({ type: 'work', event: { type: 'session-refused', session, error } });
    expect(now()).toMatchObject({ isDimmed: false, problem: { code: 'PLAN_MEMORY' } });
    await clock.advance(119_000);
    expect(now().problem?.code).toBe('PLAN_MEMORY');
    await clock.advance(2000);
    expect(now().problem).toBeUndefined();
  });

  it('wakes when somebody touches it, and dims by hand', async () => {
    const { clock, kiosk, happen, now } = screen(10_000);
    happen(...joined);
    await clock.advance(10_000);
    expect(now().isDimmed).toBe(true);
    kiosk.wake();
    expect(now().isDimmed).toBe(false);
    kiosk.toggleDim();
    expect(now().isDimmed).toBe(true);
  });
});
