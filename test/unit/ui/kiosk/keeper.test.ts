import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { asPeerId } from '../../../../src/shared/ids.ts';
import { Keeper, type TryCount } from '../../../../src/ui/kiosk/keeper.ts';
import type { ServedPage } from '../../../../src/ui/kiosk/page-build.ts';
import { PeerStore, type PeerEvent } from '../../../../src/ui/peer-state.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

const device = { name: 'Chrome on Linux', platform: 'Linux', memoryBytes: 1e9, missing: [] };
const entered: readonly PeerEvent[] = [
  { type: 'room-entered', room: 'red-wren', link: 'https://a/#red-wren.x', device },
  { type: 'engine', engine: { state: 'ready', name: 'tfjs-wasm', accuracy: 'f32', refused: [] } },
  { type: 'joined', self: asPeerId('0'.repeat(32)) },
];
const open: PeerEvent = { type: 'mesh', event: { type: 'signaling', state: 'open' } };
const lost: PeerEvent = {
  type: 'mesh',
  event: { type: 'signaling', state: 'lost', error: new PeerceptronError('SIGNALING_LOST', 'gone') },
};
const stopped: PeerEvent = { type: 'stopped', problem: { code: 'ROOM_FULL', message: 'full' } };

function kiosk(options: { readonly tries?: TryCount } = {}) {
  const clock = new FakeClock();
  const world = { served: 'same' as ServedPage, looks: 0, reloads: 0, tries: 0 };
  const keeper = new Keeper({
    clock,
    look: async () => {
      world.looks += 1;
      return world.served;
    },
    reload: () => (world.reloads += 1),
    tries: options.tries ?? {
      read: () => world.tries,
      write: (count) => (world.tries = count),
    },
  });
  const store = new PeerStore();
  store.subscribe((state) => keeper.onState(state));
  const happen = (...events: readonly PeerEvent[]): void => events.forEach((event) => store.dispatch(event));
  return { clock, world, happen };
}

describe('a page that nobody looks after', () => {
  it('leaves alone what reconnects by itself', async () => {
    const { clock, world, happen } = kiosk();
    happen(...entered, open, lost);
    await clock.advance(500_000);
    happen(open);
    await clock.advance(1000);
    expect(world.reloads).toBe(0);
  });

  it('is loaded anew when the server that comes back has another build', async () => {
    const { clock, world, happen } = kiosk();
    happen(...entered, open, lost);
    world.served = 'changed';
    await clock.advance(1000);
    expect(world.looks).toBe(0);
    happen(open);
    await clock.advance(0);
    expect(world.reloads).toBe(1);
  });

  it('notices now and then that the build under a running server has changed', async () => {
    const { clock, world, happen } = kiosk();
    happen(...entered, open);
    await clock.advance(599_000);
    world.served = 'changed';
    expect(world.reloads).toBe(0);
    await clock.advance(1000);
    expect(world.reloads).toBe(1);
    await clock.advance(3_600_000);
    expect(world.reloads).toBe(1);
  });

  it('is loaded anew when it has given up, as soon as the server answers, less and less often', async () => {
    const { clock, world, happen } = kiosk();
    happen(...entered, stopped);
    world.served = 'absent';
    await clock.advance(100_000);
    expect(world.reloads).toBe(0);
    expect(world.looks).toBe(10);
    world.served = 'same';
    await clock.advance(10_000);
    expect(world.reloads).toBe(1);
    expect(world.tries).toBe(1);
    const next = kiosk();
    next.world.tries = 3;
    next.happen(...entered, stopped);
    await next.clock.advance(79_000);
    expect(next.world.looks).toBe(0);
    await next.clock.advance(1000);
    expect(next.world.reloads).toBe(1);
    const last = kiosk();
    last.world.tries = 50;
    last.happen(...entered, stopped);
    await last.clock.advance(300_000);
    expect(last.world.reloads).toBe(1);
  });

  it('counts from the beginning again once it has been in the room for a while', async () => {
    const { clock, world, happen } = kiosk();
    world.tries = 5;
    happen(...entered, open);
    await clock.advance(59_000);
    expect(world.tries).toBe(5);
    await clock.advance(1000);
    expect(world.tries).toBe(0);
  });

  it('tries again with an engine that failed', async () => {
    const { clock, world, happen } = kiosk();
    happen(entered[0]!, {
      type: 'engine',
      engine: { state: 'failed', problem: { code: 'ENGINE_UNAVAILABLE', message: 'none' }, refused: [] },
    });
    await clock.advance(10_000);
    expect(world.reloads).toBe(1);
  });

  it('does not reload for a link that no reload makes better', async () => {
    const { clock, world, happen } = kiosk();
    happen({ type: 'no-room', problem: { code: 'ROOM_LINK_INVALID', message: 'no dot' } });
    await clock.advance(500_000);
    expect(world.reloads).toBe(0);
  });

  it('does without storage', async () => {
    const forbidden = (): never => {
      throw new DOMException('denied', 'SecurityError');
    };
    const { clock, world, happen } = kiosk({ tries: { read: forbidden, write: forbidden } });
    happen(...entered, stopped);
    await clock.advance(10_000);
    expect(world.reloads).toBe(1);
  });
});
