import { beforeEach, describe, expect, it } from 'vitest';
import { chooseFastestEngine, type ChooseFastestOptions } from '../../../src/engine/choose-fastest.ts';
import type { Engine, LoadedTile } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { TIMED_MACS, timeEngine } from '../../../src/engine/time-engine.ts';
import { boxSize } from '../../../src/graph/box.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';

let disposed: string[];
let started: string[];
let clock: FakeClock;
beforeEach(() => {
  [disposed, started, clock] = [[], [], new FakeClock()];
});

/** Computes right where it is not bent. */
function engine(name: string, bend = 0): Engine {
  const honest = createReferenceEngine();
  return {
    name,
    accuracy: 'f32',
    load: async (program, weights) => {
      const tile = await honest.load(program, weights);
      return {
        run: async (inputs) => {
          const { outputs, computeMs } = await tile.run(inputs);
          return { outputs: outputs.map((output) => output.map((value) => value + bend)), computeMs };
        },
        dispose: () => tile.dispose(),
      };
    },
    memory: () => honest.memory(),
    dispose: async () => void disposed.push(name),
  };
}

const choose = (
  times: Readonly<Record<string, number>>,
  time: NonNullable<ChooseFastestOptions['time']> = async ({ name }) => times[name]!,
) =>
  chooseFastestEngine(
    ['webgpu', 'webgl', 'wasm'],
    ['cpu'],
    async (name) => {
      started.push(name);
      if (!(name in times)) throw new PeerceptronError('ENGINE_UNAVAILABLE', `no ${name} here`);
      return engine(name, times[name] === 0 ? 1 : 0);
    },
    { time, clock },
  );

describe('choosing the fastest engine', () => {
  it.each([
    [{ webgpu: 5, webgl: 12, wasm: 41 }, 'webgpu'],
    [{ webgpu: 50, webgl: 12, wasm: 41 }, 'webgl'],
    [{ webgpu: 500, webgl: 400, wasm: 41.4 }, 'wasm'],
    [{ webgl: 12, wasm: 12 }, 'webgl'],
  ])('takes the one that needs the least time, and says what the others took', async (times, fastest) => {
    const chosen = await choose(times);
    expect(chosen.candidate).toBe(fastest);
    expect(chosen.engine.name).toBe(fastest);
    const others = Object.keys(times).filter((name) => name !== fastest);
    expect([...disposed].sort()).toEqual(others.sort());
    for (const name of others) {
      const { reason, slower } = chosen.refused.find(({ candidate }) => candidate === name)!;
      expect(reason).toContain('slower: ');
      expect(slower).toBe(true);
    }
    expect(Object.fromEntries(chosen.timesMs!)).toEqual(times);
    expect(started).not.toContain('cpu');
    expect(clock.pending).toBe(0);
  });

  it('takes none that computes wrong, however fast, or fails while it is timed', async () => {
    const chosen = await choose({ webgpu: 0, webgl: 3, wasm: 41 }, async ({ name }) => {
      if (name === 'webgl') throw new PeerceptronError('ENGINE_MEMORY', 'the card is full');
      return 41;
    });
    expect(chosen.candidate).toBe('wasm');
    expect(chosen.refused).toEqual([
      { candidate: 'webgpu', reason: expect.stringContaining('wrong numbers') as string },
      { candidate: 'webgl', reason: 'the card is full' },
    ]);
    // There was nothing to compare.
    expect(chosen.timesMs).toBeUndefined();
    expect(disposed).toEqual(['webgpu', 'webgl']);
  });

  it('goes on without one that hangs, and gives it up if it comes after all', async () => {
    let finish: ((ms: number) => void) | undefined;
    const choosing = choose({ webgpu: 1, webgl: 12 }, ({ name }) =>
      name === 'webgpu' ? new Promise<number>((resolve) => (finish = resolve)) : Promise.resolve(12),
    );
    // The self-test takes more turns than a fake clock waits for.
    while (!finish) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(30_000);
    const chosen = await choosing;
    expect(chosen.candidate).toBe('webgl');
    expect(chosen.refused[0]).toEqual({ candidate: 'webgpu', reason: 'it was not ready within 30 s' });
    expect(disposed).toEqual([]);
    finish(1);
    await settle();
    expect(disposed).toEqual(['webgpu']);
  });

  it('falls back where none works, and says why of all where that does not either', async () => {
    expect((await choose({ cpu: 900 })).candidate).toBe('cpu');
    const failed = choose({});
    await expect(failed).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    const { details } = (await failed.catch((error: unknown) => error)) as PeerceptronError;
    expect(details.refused).toEqual(
      ['webgpu', 'webgl', 'wasm', 'cpu'].map((candidate) => ({ candidate, reason: `no ${candidate} here` })),
    );
  });
});

describe('timing an engine', () => {
  it('is the shortest of some runs, on inputs of their own, and leaves nothing loaded', async () => {
    const takes = [90, 40, 60, 200];
    const given: Float32Array[] = [];
    let isLoaded = false;
    let multiplyAccumulates = 0;
    const tile: LoadedTile = {
      run: async ([input]) => {
        given.push(input!);
        clock.jump(takes.shift()!);
        return { outputs: [], computeMs: 0 };
      },
      dispose: async () => void (isLoaded = false),
    };
    const timed: Engine = {
      ...engine('timed'),
      load: async (program, weights) => {
        isLoaded = true;
        expect(program.inputs.map(({ box }) => boxSize(box))).toEqual([56 * 56 * 64]);
        multiplyAccumulates = 56 * 56 * weights[0]!.length + 28 * 28 * weights[1]!.length;
        return tile;
      },
    };
    expect(await timeEngine(timed, clock)).toBe(40);
    expect(given).toHaveLength(4);
    expect(new Set(given).size).toBe(4);
    expect(isLoaded).toBe(false);
    expect(multiplyAccumulates).toBe(TIMED_MACS);
  });
});
