import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { nodeHelpers } from '../../src/engine/heap-helper-node.ts';
import { startNodeEngine } from '../../src/engine/worker-host-node.ts';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { boxSize } from '../../src/graph/box.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { normals } from '../support/random.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { randomSuite } from './engine-random.ts';
import { engineSuite } from './engine-suite.ts';
import { singleOpGraph, wholeRequest } from './engine-tile.ts';
import { buildComputeWorker } from './engine-worker-build.ts';
import { splitSuite } from './split-suite.ts';

setFlagsFromString('--experimental-wasm-relaxed-simd');

let entry: string;
beforeAll(async () => {
  entry = await buildComputeWorker();
});

/** Also what is not worth it is split. */
const create = (threads: number, leastMacs = 1): Promise<Engine> =>
  createTfjsEngine({ backend: 'wasm', team: { threads, leastMacs, openHelper: nodeHelpers(entry) } });

engineSuite(vitestHarness, 'tfjs wasm, 2 threads', () => create(2), { engineName: 'tfjs-wasm, 2 threads' });
engineSuite(
  vitestHarness,
  'wasm on 3 threads beside a worker thread',
  () => startNodeEngine({ backend: 'wasm', threads: 3, entry }),
  { engineName: 'tfjs-wasm, 3 threads' },
);
randomSuite(vitestHarness, 'tfjs wasm, 3 threads', () => create(3), { opCases: 1500, networkCases: 200 });
splitSuite(vitestHarness, 'tfjs wasm, 2 threads', () => create(2), {
  casesPerPair: 5,
  engineName: 'tfjs-wasm, 2 threads',
});

describe('a team of threads', () => {
  const engines: Engine[] = [];
  afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));

  const conv = singleOpGraph(
    {
      kind: 'conv',
      kernelSize: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      padding: [[1, 1], [1, 1]], // prettier-ignore
      groups: 1,
      outChannels: 24,
    },
    [[19, 17, 32]],
    ['kernel'],
  );
  const dense = singleOpGraph({ kind: 'dense', units: 1001 }, [[515]], ['kernel']);

  it.each([
    ['a convolution', conv],
    ['a dense layer', dense],
  ])('gives the same bits as one thread: %s', async (_, graph) => {
    const random = seededRandom(3);
    const program = compileTile(graph, wholeRequest(graph));
    const weights = program.weights.map(({ box }) => normals(random, boxSize(box)));
    const input = normals(random, boxSize(program.inputs[0]!.box));
    const answers: Float32Array[] = [];
    for (const threads of [1, 2, 4]) {
      const engine = await startNodeEngine({ backend: 'wasm', threads, entry });
      engines.push(engine);
      const copies = weights.map((values) => values.slice());
      const tile = await engine.load(program, copies);
      answers.push((await tile.run([input.slice()])).outputs[0]!);
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('grows the heap that it shares', async () => {
    const engine = await startNodeEngine({ backend: 'wasm', threads: 2, entry });
    engines.push(engine);
    const graph = singleOpGraph({ kind: 'dense', units: 4096 }, [[9216]], ['kernel']);
    const program = compileTile(graph, wholeRequest(graph));
    // 151 MB, in a heap that begins with 16.
    const weights = program.weights.map(({ box }) => new Float32Array(boxSize(box)).fill(0.25));
    const tile = await engine.load(program, weights);
    const { outputs } = await tile.run([new Float32Array(9216).fill(1)]);
    expect(outputs[0]!.every((value) => value === 2304)).toBe(true);
  });

  it('is said to be missing where its threads do not start', async () => {
    const nowhere = nodeHelpers(`${entry}.missing.js`);
    const engine = await createTfjsEngine({
      backend: 'wasm',
      kernels: ['simd'],
      team: { threads: 2, openHelper: nowhere },
    });
    engines.push(engine);
    const program = compileTile(dense, wholeRequest(dense));
    const weights = program.weights.map(({ box }) => new Float32Array(boxSize(box)));
    await expect(engine.load(program, weights)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('use fewer threads') as string,
    });
  });

  it('is as large as the device by default', async () => {
    const { startBackend } = await import('../../headless/node-engine.ts');
    const engine = await startBackend('wasm');
    engines.push(engine);
    const cores = availableParallelism();
    expect(engine.name).toBe(cores > 1 ? `tfjs-wasm, ${cores} threads` : 'tfjs-wasm');
  });
});
