import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { startNodeEngine } from '../../src/engine/worker-host-node.ts';
import { boxSize } from '../../src/graph/box.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { missingNative, nativeFolders } from './engine-native-harness.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { engineSuite } from './engine-suite.ts';
import { singleOpGraph, wholeRequest } from './engine-tile.ts';
import { buildComputeWorker } from './engine-worker-build.ts';

let entry: string;
beforeAll(async () => {
  entry = await buildComputeWorker();
});

for (const backend of ['reference', 'wasm', 'cpu'] as const) {
  engineSuite(vitestHarness, `${backend} in a worker thread`, () => startNodeEngine({ backend, entry }), {
    engineName: backend === 'reference' ? backend : `tfjs-${backend}`,
  });
}

if (!missingNative) {
  const options = { backend: 'native', folders: nativeFolders, threads: 2 } as const;
  engineSuite(vitestHarness, 'native in a worker thread', () => startNodeEngine({ ...options, entry }), {
    engineName: 'native, 2 threads',
  });
}

const program = compileTile(
  singleOpGraph({ kind: 'identity' }, [[3]]),
  wholeRequest(singleOpGraph({ kind: 'identity' }, [[3]])),
);

describe('startNodeEngine', () => {
  let engines: Engine[] = [];
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.dispose()));
  });

  it('runs two engines side by side, and one outlives the other', async () => {
    engines = await Promise.all([
      startNodeEngine({ backend: 'wasm', entry }),
      startNodeEngine({ backend: 'wasm', entry }),
    ]);
    const tiles = await Promise.all(engines.map((engine) => engine.load(program, [])));
    await engines[0]!.dispose();
    await expect(tiles[0]!.run([new Float32Array(3)])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    const { outputs } = await tiles[1]!.run([Float32Array.from([1, 2, 3])]);
    expect([...outputs[0]!]).toEqual([1, 2, 3]);
  });

  it('transfers whole buffers and leaves the others with their owner', async () => {
    const engine = await startNodeEngine({ backend: 'reference', entry });
    engines.push(engine);
    const tile = await engine.load(program, []);
    const whole = Float32Array.from([1, 2, 3]);
    await tile.run([whole]);
    expect(whole.length).toBe(0);
    const backing = Float32Array.from([0, 1, 2, 3, 4]);
    const { outputs } = await tile.run([backing.subarray(1, 4)]);
    expect([...outputs[0]!]).toEqual([1, 2, 3]);
    expect(backing.length).toBe(5);
  });

  it('keeps to a part of the processor, with the same results, until it is given all of it again', async () => {
    const graph = singleOpGraph({ kind: 'dense', units: 256 }, [[256]]);
    const engine = await startNodeEngine({ backend: 'reference', entry });
    engines.push(engine);
    const dense = compileTile(graph, wholeRequest(graph));
    const weights = dense.weights.map(({ box }) => new Float32Array(boxSize(box)).fill(0.5));
    const tile = await engine.load(dense, weights);
    const run = async (): Promise<{ readonly ms: number; readonly values: readonly number[] }> => {
      let ms = Infinity;
      let values: readonly number[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const { outputs, computeMs } = await tile.run([new Float32Array(256).fill(1)]);
        ms = Math.min(ms, computeMs);
        values = [...outputs[0]!];
      }
      return { ms, values };
    };
    await run();
    const all = await run();
    await engine.setShare!(0.01);
    const part = await run();
    await engine.setShare!(1);
    const again = await run();
    expect(part.values).toEqual(all.values);
    // A hundred times as long, if nothing else runs.
    expect(part.ms).toBeGreaterThan(5 * all.ms);
    expect(part.ms).toBeGreaterThan(5 * again.ms);
  });

  it('says which backend cannot start and why', async () => {
    await expect(startNodeEngine({ backend: 'webgpu', entry })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/webgpu.*no WebGPU/) as string,
    });
  });

  it('tells a native engine that is missing from one that is not', async () => {
    const nowhere = startNodeEngine({ backend: 'native', folders: [tmpdir()], entry });
    await expect(nowhere).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('engine install') as string,
      details: { missing: true },
    });
  });

  it('reports a worker that cannot be loaded', async () => {
    await expect(
      startNodeEngine({ backend: 'reference', entry: `${entry}.missing.js` }),
    ).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('the compute worker died') as string,
    });
  });

  it('fails what waits when the worker dies at work', async () => {
    const script = join(dirname(entry), 'dies-at-work.mjs');
    await writeFile(
      script,
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', ({ id, type }) => {
         if (type !== 'start') process.exit(3);
         parentPort.postMessage({ id, ok: true, value: { name: 'mortal', accuracy: 'f32' } });
       });`,
    );
    const engine = await startNodeEngine({ backend: 'reference', entry: script });
    const waiting = [engine.memory(), engine.load(program, [])];
    for (const call of waiting) {
      await expect(call).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringContaining('exited with code 3') as string,
      });
    }
    await engine.dispose();
  });
});
