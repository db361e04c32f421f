import { boxSize, fullBox } from '../graph/box.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { compileTile } from '../graph/tile-program.ts';
import type { Clock } from '../shared/clock.ts';
import { seededRandom } from '../shared/random.ts';
import type { Engine } from './engine.ts';

/** As often as that, or for so long. */
const MOST_RUNS = 6;
const LEAST_RUNS = 2;
const ENOUGH_MS = 300;
/** Multiply-accumulates of the tile that is timed. */
export const TIMED_MACS = 64 * 9 * (56 * 56 * 64 + 28 * 28 * 128);

const convolution = (outChannels: number): Op => ({
  kind: 'conv',
  kernelSize: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [
    [1, 1],
    [1, 1],
  ],
  groups: 1,
  outChannels,
});
const relu: Op = { kind: 'activation', function: 'relu' };
const pool: Op = {
  kind: 'max-pool',
  poolSize: [2, 2],
  strides: [2, 2],
  padding: [
    [0, 0],
    [0, 0],
  ],
};

/** Two layers as networks for pictures have them in their middle: 173 million multiply-accumulates, and 0.8 MB that come in. */
const ops: readonly Op[] = [convolution(64), relu, pool, convolution(128), relu];
const graph: Graph = {
  name: 'engine-trial',
  inputs: [{ id: 'x', shape: [56, 56, 64] }],
  nodes: ops.map((op, index): OpNode => ({
    id: `y${index}`,
    op,
    inputs: [index === 0 ? 'x' : `y${index - 1}`],
    weights: op.kind === 'conv' ? { kernel: `kernel${index}` } : {},
  })),
  outputs: [`y${ops.length - 1}`],
};

/**
 * Milliseconds that a tile of usual size takes on an engine, from its inputs being handed over to its outputs being there, when nothing
 * holds it up. Rejects where the engine fails.
 * @param leastRuns of an engine that takes seconds, one is enough
 */
export async function timeEngine(engine: Engine, clock: Clock, leastRuns = LEAST_RUNS): Promise<number> {
  const [output] = graph.outputs as [string];
  const box = fullBox(tensorShapes(graph).get(output)!);
  const program = compileTile(graph, { ops: [0, ops.length], outputs: [{ tensor: output, box }] });
  const random = seededRandom(1902);
  // Far from the smallest numbers, which are slow on many processors.
  const values = (length: number): Float32Array => new Float32Array(length).fill(0.1 + random.next() / 10);
  const tile = await engine.load(
    program,
    program.weights.map((weight) => values(boxSize(weight.box))),
  );
  try {
    const times: number[] = [];
    const startedMs = clock.now();
    while (times.length < leastRuns || (times.length < MOST_RUNS && clock.now() - startedMs < ENOUGH_MS)) {
      const inputs = program.inputs.map((input) => values(boxSize(input.box)));
      const sinceMs = clock.now();
      await tile.run(inputs);
      times.push(clock.now() - sinceMs);
    }
    return Math.min(...times);
  } finally {
    await tile.dispose();
  }
}
