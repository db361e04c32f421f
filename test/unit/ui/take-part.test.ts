import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { Member, Mesh, MeshEvent } from '../../../src/mesh/mesh.ts';
import type { Capabilities } from '../../../src/protocol/messages.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { asPeerId, type PeerId } from '../../../src/shared/ids.ts';
import { engineCandidates } from '../../../src/ui/engine-candidates.ts';
import { phaseOf, PeerStore, type PeerEvent } from '../../../src/ui/peer-state.ts';
import { testProfile } from '../../support/test-profile.ts';
import { takePart, type TakePartOptions } from '../../../src/ui/take-part.ts';

const device = { name: 'Chrome on Linux', platform: 'Linux', memoryBytes: 1e9, missing: [] };
const engine: Engine = {
  name: 'tfjs-wasm',
  accuracy: 'f32',
  load: () => Promise.reject(new Error('not used')),
  memory: async () => ({ tensors: 0, bytes: 0 }),
  dispose: async () => undefined,
};

class FakeMesh implements Mesh {
  readonly self = asPeerId('0'.repeat(32));
  onChannel = undefined;
  readonly members = new Map<PeerId, Member>();
  listener: ((event: MeshEvent) => void) | undefined;
  channel = () => Promise.reject(new Error('not used'));
  subscribe(listener: (event: MeshEvent) => void): () => void {
    this.listener = listener;
    return () => undefined;
  }
  offer = () => undefined;
  traffic = () => undefined;
  carried = { sentBytes: 0, receivedBytes: 0 };
  leave = async () => undefined;
}

function visit(changes: Partial<TakePartOptions> = {}) {
  const store = new PeerStore();
  store.dispatch({ type: 'room-entered', room: 'red-wren', link: 'https://a/#red-wren.x', device });
  const mesh = new FakeMesh();
  const waits: number[] = [];
  const done = takePart({
    device,
    chooseEngine: async () => ({ engine, refused: [{ candidate: 'webgl', reason: 'wrong numbers' }] }),
    join: async () => mesh,
    measure: async () => testProfile,
    serve: () => undefined,
    // Time passes as fast as it is waited for.
    clock: {
      now: () => 0,
      after: (delayMs, callback) => {
        waits.push(delayMs);
        queueMicrotask(callback);
        return () => undefined;
      },
    },
    dispatch: (event: PeerEvent) => store.dispatch(event),
    ...changes,
  });
  return { store, mesh, waits, done };
}
const room = (store: PeerStore) => {
  if (store.state.view !== 'room') throw new Error(`view ${store.state.view}`);
  return store.state;
};
const unreachable = new PeerceptronError('SIGNALING_UNREACHABLE', 'no answer');

describe('taking part in a room', () => {
  it('offers what the device and its engine are', async () => {
    let offered: Capabilities | undefined;
    const mesh = new FakeMesh();
    const { done } = visit({
      join: async (capabilities) => {
        offered = capabilities;
        return mesh;
      },
    });
    expect(await done).toBe(mesh);
    expect(offered).toEqual({
      name: 'Chrome on Linux',
      engine: 'tfjs-wasm',
      accuracy: 'f32',
      memoryBytes: 1e9,
      platform: 'Linux',
      serves: true,
    });
  });

  it('shows members that were there first, and those that come later', async () => {
    const mesh = new FakeMesh();
    const early = asPeerId('1'.repeat(32));
    const late = asPeerId('2'.repeat(32));
    mesh.members.set(early, { state: 'announced', id: early });
    const { store, done } = visit({ join: async () => mesh });
    await done;
    mesh.listener!({ type: 'member', member: { state: 'announced', id: late } });
    expect([...room(store).members.keys()]).toEqual([early, late]);
    expect(phaseOf(room(store))).toBe('ready');
  });

  it('serves only after it has joined', async () => {
    const order: string[] = [];
    const { done } = visit({
      join: async () => {
        order.push('join');
        return new FakeMesh();
      },
      serve: () => order.push('serve'),
    });
    await done;
    expect(order).toEqual(['join', 'serve']);
  });

  it('names the engines that were refused', async () => {
    const { store, done } = visit();
    await done;
    expect(room(store).engine).toMatchObject({ refused: [{ name: 'webgl', reason: 'wrong numbers' }] });
  });

  it('does not join without an engine, and says why for each', async () => {
    const details = { refused: [{ candidate: 'wasm', reason: 'no memory' }] };
    let joined = false;
    const { store, done } = visit({
      chooseEngine: () => Promise.reject(new PeerceptronError('ENGINE_UNAVAILABLE', 'none', { details })),
      join: async () => {
        joined = true;
        return new FakeMesh();
      },
    });
    expect(await done).toBeUndefined();
    expect(joined).toBe(false);
    expect(room(store).engine).toEqual({
      state: 'failed',
      problem: { code: 'ENGINE_UNAVAILABLE', message: 'none' },
      refused: [{ name: 'wasm', reason: 'no memory' }],
    });
  });

  it('tries an unreachable server again, ever more patiently, and shows that it does', async () => {
    let attempts = 0;
    const seen: string[] = [];
    const { store, waits, done } = visit({
      join: () => {
        seen.push(phaseOf(room(store)));
        return ++attempts < 6 ? Promise.reject(unreachable) : Promise.resolve(new FakeMesh());
      },
    });
    await done;
    expect(waits).toEqual([2000, 4000, 8000, 15_000, 15_000]);
    expect(seen.slice(0, 2)).toEqual(['connecting', 'lost']);
    expect(phaseOf(room(store))).toBe('alone');
  });

  it('stops where the server refuses', async () => {
    const { store, waits, done } = visit({
      join: () => Promise.reject(new PeerceptronError('ROOM_FULL', '64 devices')),
    });
    expect(await done).toBeUndefined();
    expect(waits).toEqual([]);
    expect(store.state).toMatchObject({ view: 'stopped', problem: { code: 'ROOM_FULL' } });
  });
});

describe('the engines to try', () => {
  it.each([
    [
      'a graphics card with WebGPU',
      { webGpu: true, renderer: 'ANGLE (Intel, Iris)' },
      'webgpu webgl wasm cpu',
    ],
    ['a graphics card without WebGPU', { webGpu: false, renderer: 'Mali-G78' }, 'webgl wasm cpu'],
    ['an emulated card', { webGpu: true, renderer: 'ANGLE (Google, Vulkan (SwiftShader))' }, 'wasm cpu'],
    ['no WebGL', { webGpu: false }, 'wasm cpu'],
    ['a wish', { webGpu: true, renderer: 'Mali-G78', wanted: 'wasm' }, 'wasm'],
    ['an unknown wish', { webGpu: false, wanted: 'quantum' }, 'wasm cpu'],
  ])('on %s', (_, facts, expected) => {
    expect(engineCandidates(facts).join(' ')).toBe(expected);
  });
});
