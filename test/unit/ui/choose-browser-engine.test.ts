import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { chooseBrowserEngine } from '../../../src/ui/choose-browser-engine.ts';
import type { GraphicsFacts } from '../../../src/ui/engine-candidates.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

const card: GraphicsFacts = { webGpu: true, renderer: 'V3D 7.1' };
let started: string[];
let kept: Map<string, string>;
let broken: Set<string>;
beforeEach(() => {
  started = [];
  kept = new Map();
  broken = new Set();
});

/** Right in the self-test; what it is timed with takes the time that is given. */
function engine(name: string, ms: number, clock: FakeClock): Engine {
  const honest = createReferenceEngine();
  return {
    ...honest,
    name,
    load: async (program, weights) => {
      const isTrial = program.steps.length === 5;
      const tile = isTrial ? undefined : await honest.load(program, weights);
      return {
        run: async (inputs) => {
          if (tile) return tile.run(inputs);
          clock.jump(ms);
          return { outputs: [], computeMs: ms };
        },
        dispose: async () => tile?.dispose(),
      };
    },
    memory: () => honest.memory(),
    dispose: () => honest.dispose(),
  };
}

const choose = (
  graphics: GraphicsFacts,
  times: Readonly<Record<string, number>>,
  userAgent = 'Chromium 1',
) => {
  const clock = new FakeClock();
  return chooseBrowserEngine({
    graphics,
    userAgent,
    clock,
    storage: () => ({
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
    }),
    start: async (backend) => {
      started.push(backend);
      if (broken.has(backend)) throw new PeerceptronError('ENGINE_UNAVAILABLE', 'gone');
      return engine(backend, times[backend] ?? 1000, clock);
    },
  });
};

describe('the engine of a page', () => {
  const times = { webgpu: 60, webgl: 20, wasm: 50 };

  it('is the fastest, and at later visits the one that was', async () => {
    expect((await choose(card, times)).candidate).toBe('webgl');
    expect(started).toEqual(['webgpu', 'webgl', 'wasm']);
    started = [];
    const again = await choose(card, {});
    expect(again).toMatchObject({ candidate: 'webgl', refused: [] });
    expect(started).toEqual(['webgl']);
  });

  it('is found out anew with another browser, another card, or where it no longer works', async () => {
    await choose(card, times);
    expect((await choose(card, { wasm: 10 }, 'Chromium 2')).candidate).toBe('wasm');
    expect((await choose({ ...card, renderer: 'V3D 4.2' }, { webgpu: 10 })).candidate).toBe('webgpu');
    broken.add('webgpu');
    started = [];
    expect((await choose({ ...card, renderer: 'V3D 4.2' }, times)).candidate).toBe('webgl');
    expect(started).toEqual(['webgpu', 'webgpu', 'webgl', 'wasm']);
  });

  it('is not timed where there is no choice', async () => {
    expect((await choose({ webGpu: false }, {})).candidate).toBe('wasm');
    expect((await choose({ ...card, wanted: 'webgpu' }, {})).candidate).toBe('webgpu');
    expect(started).toEqual(['wasm', 'webgpu']);
    expect(kept.size).toBe(0);
  });

  it('does without a memory that the browser forbids', async () => {
    const clock = new FakeClock();
    const chosen = await chooseBrowserEngine({
      graphics: { webGpu: false, renderer: 'Mali' },
      userAgent: 'x',
      clock,
      storage: () => {
        throw new Error('forbidden');
      },
      start: async (backend) => engine(backend, times[backend as keyof typeof times] ?? 900, clock),
    });
    expect(chosen.candidate).toBe('webgl');
  });
});
