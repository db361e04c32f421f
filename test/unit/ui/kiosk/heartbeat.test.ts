import { describe, expect, it } from 'vitest';
import type { Engine, LoadedTile, TileResult } from '../../../../src/engine/engine.ts';
import type { TileProgram } from '../../../../src/graph/tile-program.ts';
import { EngineWatch } from '../../../../src/ui/kiosk/engine-watch.ts';
import { startHeartbeat } from '../../../../src/ui/kiosk/heartbeat.ts';
import { PeerStore } from '../../../../src/ui/peer-state.ts';
import { FakeClock, settle } from '../../mesh/fake-clock.ts';

describe('the heartbeat of a kiosk', () => {
  it('counts seconds and tells how the page stands', async () => {
    const clock = new FakeClock();
    const store = new PeerStore();
    const heartbeat = startHeartbeat({
      clock,
      peer: () => store.state,
      busyMs: () => 7,
      secure: true,
      isolated: false,
    });
    const first = heartbeat();
    expect(first).toEqual({
      beat: 1,
      phase: 'no-room',
      frames: 0,
      engine: undefined,
      busyMs: 7,
      secure: true,
      isolated: false,
    });
    const device = { name: 'Pi', platform: 'Linux', memoryBytes: 1e9, missing: [] };
    store.dispatch({ type: 'room-entered', room: 'red-wren', link: 'https://a/#red-wren.x', device });
    store.dispatch({
      type: 'engine',
      engine: { state: 'ready', name: 'tfjs-webgl', accuracy: 'f32', refused: [] },
    });
    await clock.advance(5000);
    expect(heartbeat()).toMatchObject({ beat: 6, phase: 'connecting', engine: 'tfjs-webgl' });
  });
});

describe('watching an engine', () => {
  /** An engine whose runs end when a test says so. */
  function heldEngine() {
    const runs: ((result: TileResult) => void)[] = [];
    const disposed: string[] = [];
    const tile: LoadedTile = {
      run: () => new Promise((resolve) => runs.push(resolve)),
      dispose: async () => void disposed.push('tile'),
    };
    const engine: Engine = {
      name: 'held',
      accuracy: 'f32',
      load: async () => tile,
      memory: async () => ({ tensors: 3, bytes: 4 }),
      dispose: async () => void disposed.push('engine'),
    };
    return { engine, disposed, finish: () => runs.shift()!({ outputs: [], computeMs: 1 }) };
  }
  const program = {} as TileProgram;

  it('sees for how long it has done nothing, from its latest result on', async () => {
    const clock = new FakeClock();
    const watch = new EngineWatch(clock);
    const { engine, finish } = heldEngine();
    const tile = await watch.over(engine).load(program, []);
    await clock.advance(60_000);
    expect(watch.busyMs).toBe(0);
    const [first, second] = [tile.run([]), tile.run([])];
    await clock.advance(4000);
    expect(watch.busyMs).toBe(4000);
    finish();
    await first;
    expect(watch.busyMs).toBe(0);
    await clock.advance(3000);
    expect(watch.busyMs).toBe(3000);
    finish();
    await second;
    await clock.advance(3000);
    expect(watch.busyMs).toBe(0);
  });

  it('is the same engine otherwise', async () => {
    const { engine, disposed } = heldEngine();
    const watched = new EngineWatch(new FakeClock()).over(engine);
    expect(watched).toMatchObject({ name: 'held', accuracy: 'f32' });
    for (const absent of ['setShare', 'weightStorage']) expect(watched).not.toHaveProperty(absent);
    expect(await watched.memory()).toEqual({ tensors: 3, bytes: 4 });
    const tile = await watched.load(program, []);
    expect(tile).not.toHaveProperty('recycle');
    await tile.dispose();
    await watched.dispose();
    await settle();
    expect(disposed).toEqual(['tile', 'engine']);
  });

  it('is not busy after a failure', async () => {
    const clock = new FakeClock();
    const watch = new EngineWatch(clock);
    const { engine } = heldEngine();
    const broken = watch.over({ ...engine, load: () => Promise.reject(new Error('no memory')) });
    await expect(broken.load(program, [])).rejects.toThrow('no memory');
    await clock.advance(1000);
    expect(watch.busyMs).toBe(0);
  });
});
