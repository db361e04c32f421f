import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { serveEngine } from '../../../src/engine/worker-service.ts';
import type { WorkerReply } from '../../../src/engine/worker-protocol.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { wholeRequest } from '../../contract/engine-tile.ts';

const time = { now: () => performance.now(), processorMs: () => 0, sleep: () => undefined };
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** 2 MB of weights. */
const size = 500_000;
const graph: Graph = {
  name: 'one step',
  inputs: [{ id: 'in', shape: [size] }],
  nodes: [{ id: 'out', op: { kind: 'bias' }, inputs: ['in'], weights: { bias: 'bias' } }],
  outputs: ['out'],
};

/** Asks what `engine` is asked in a worker. */
async function serve(engine: Engine): Promise<(message: object) => Promise<WorkerReply>> {
  let listener: (message: unknown) => void = () => undefined;
  const replies = new Map<number, (reply: WorkerReply) => void>();
  const port = {
    post: (message: unknown) => replies.get((message as WorkerReply).id)!(message as WorkerReply),
    listen: (to: (message: unknown) => void) => (listener = to),
  };
  serveEngine(port, () => Promise.resolve(engine), { time, collectGarbage: collect });
  let next = 0;
  const ask = (message: object): Promise<WorkerReply> =>
    new Promise((resolve) => {
      const id = next++;
      replies.set(id, resolve);
      listener({ ...message, id });
    });
  await ask({ type: 'start', options: { backend: 'reference' } });
  return ask;
}

/** The weights are known to nobody but the engine. */
function load(ask: (message: object) => Promise<WorkerReply>) {
  const weights = [new Float32Array(size)];
  const reference = new WeakRef(weights[0]!);
  return [
    ask({ type: 'load', program: compileTile(graph, wholeRequest(graph)), weights }),
    reference,
  ] as const;
}

it('a tile is loaded when the buffers that its weights came in are gone', async () => {
  const inner = createReferenceEngine();
  // Keeps nothing of what it is given.
  const ask = await serve({
    ...inner,
    load: () =>
      Promise.resolve({ run: () => Promise.reject(new Error('not run')), dispose: () => Promise.resolve() }),
  });
  for (const [loaded, reference] of [load(ask), load(ask)]) {
    expect(await loaded).toMatchObject({ ok: true });
    expect(reference.deref()).toBeUndefined();
  }
});

it('weights that an engine keeps as they came are gone soon after their tile', async () => {
  const ask = await serve(createReferenceEngine());
  const [loaded, reference] = load(ask);
  const { value } = (await loaded) as { value: { tile: number } };
  const isThere = (): boolean => reference.deref() !== undefined;
  expect(isThere()).toBe(true);
  expect(await ask({ type: 'release', tile: value.tile })).toMatchObject({ ok: true });
  await expect.poll(isThere, { timeout: 5_000 }).toBe(false);
});
