import { boxSize, fullBox } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import type { ConvOp } from '../graph/op.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { compileTile, type TileProgram } from '../graph/tile-program.ts';
import { seededRandom } from '../shared/random.ts';
import type { Engine, LoadedTile } from './engine.ts';

const conv = (size: number, groups: number, outChannels: number): ConvOp => {
  const pad = (size - 1) / 2;
  return {
    kind: 'conv',
    kernelSize: [size, size],
    strides: [1, 1],
    dilations: [1, 1],
    padding: [
      [pad, pad],
      [pad, pad],
    ],
    groups,
    outChannels,
  };
};

const node = (id: string, input: string, op: ConvOp): Graph['nodes'][number] => ({
  id,
  op,
  inputs: [input],
  weights: { kernel: `${id}/kernel` },
});

/** What networks spend their time with: filters of 3×3, of one channel each, of one place. */
const graph: Graph = {
  name: 'timing',
  inputs: [{ id: 'x', shape: [40, 40, 64] }],
  nodes: [
    node('conv', 'x', conv(3, 1, 64)),
    node('depthwise', 'conv', conv(3, 64, 64)),
    node('pointwise', 'depthwise', conv(1, 1, 64)),
  ],
  outputs: ['pointwise'],
};

/** Multiply-accumulates of the tile that is timed. */
export const TIMED_MACS = 40 * 40 * 64 * (9 * 64 + 9 + 64);

const RUNS = 6;

/** The least time that each engine takes for the same tile, milliseconds; they take turns. */
export async function timeEngines(engines: readonly Engine[], runs = RUNS): Promise<number[]> {
  const program = timedProgram();
  const random = seededRandom(54);
  const values = (length: number): Float32Array => Float32Array.from({ length }, () => random.next() - 0.5);
  const tiles: LoadedTile[] = [];
  try {
    for (const engine of engines) {
      const weights = program.weights.map(({ box }) => values(boxSize(box)));
      tiles.push(await engine.load(program, weights));
    }
    const leastMs = tiles.map(() => Infinity);
    for (let run = 0; run < runs; run++) {
      for (const [index, tile] of tiles.entries()) {
        const { computeMs } = await tile.run(program.inputs.map(({ box }) => values(boxSize(box))));
        leastMs[index] = Math.min(leastMs[index]!, computeMs);
      }
    }
    return leastMs;
  } finally {
    await Promise.all(tiles.map((tile) => tile.dispose()));
  }
}

function timedProgram(): TileProgram {
  const output = tensorShapes(graph).get('pointwise')!;
  return compileTile(graph, {
    ops: [0, graph.nodes.length],
    outputs: [{ tensor: 'pointwise', box: fullBox(output) }],
  });
}
