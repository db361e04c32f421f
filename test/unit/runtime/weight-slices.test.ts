import { describe, expect, it } from 'vitest';
import { boxSize, formatBox, fullBox, shapeSize, type Box } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { definitionOf } from '../../../src/graph/ops/index.ts';
import { inputShapes, tensorShapes, weightShapes } from '../../../src/graph/shapes.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { bands, channels, flowing, grid, partialSums, whole } from '../../../src/planner/splits.ts';
import { asSessionId, type PeerId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { randomWeights } from '../../support/random-ops.ts';
import { normals } from '../../support/random.ts';
import { runPlan } from '../../support/run-plan.ts';
import { lenet } from '../../support/small-networks.ts';

const graph = lenet();
const random = seededRandom(11);
const values = randomWeights(random, graph);
const weights = memorySource(
  [...weightShapes(graph)].map(([name, shape]) => ({ name, shape, data: values.get(name)! })),
);
const session = asSessionId('a'.repeat(32));
const peers = [1, 2, 3].map(peerIdOf);
const frame = [normals(random, 28 * 28)];

/** Remembers every slice that is read. */
function watched(source: WeightSource): { source: WeightSource; reads: string[]; bytes: () => number } {
  const reads: string[] = [];
  let bytes = 0;
  return {
    reads,
    bytes: () => bytes,
    source: {
      tensors: source.tensors,
      read: (name, box, signal) => {
        reads.push(`${name} ${formatBox(box)}`);
        bytes += 4 * boxSize(box);
        return source.read(name, box, signal);
      },
    },
  };
}

/**
 * What a segment's tiles need of a single linear op and what stands behind it, op by op from the definitions: no
 * compiled program is asked.
 */
function slicesOf(net: Graph, plan: Plan, peer: PeerId): Set<string> {
  const shapes = tensorShapes(net);
  const slices = new Set<string>();
  for (const { ops, lanes } of plan.segments) {
    const nodes = net.nodes.slice(...ops);
    for (const tile of lanes.flatMap(({ tiles }) => tiles.filter((candidate) => candidate.peer === peer))) {
      for (const [index, node] of nodes.entries()) {
        const last = index === nodes.length - 1;
        const output = tile.outputs[0]!.box;
        // Bands need all channels of everything; channel slices the same channels throughout (one layer a segment).
        const box: Box = [...fullBox(shapes.get(node.id)!).slice(0, -1), output.at(-1)!];
        const reduce = last ? tile.reduce : undefined;
        const needed = definitionOf(node.op).weightBoxes(node.op, inputShapes(node, shapes), box, reduce);
        for (const region of needed) slices.add(`${node.weights[region.role]!} ${formatBox(region.box)}`);
      }
    }
  }
  return slices;
}
const bytesOf = (slices: Iterable<string>): number =>
  [...slices].reduce((sum, slice) => {
    const ranges = [...slice.matchAll(/(\d+):(\d+)/g)].map(([, from, to]) => Number(to) - Number(from));
    return sum + 4 * shapeSize(ranges);
  }, 0);

async function check(plan: Plan): Promise<void> {
  const watch = watched(weights);
  const run = await runPlan({ graph, plan, weights, frames: [frame], sessionWeights: watch.source });
  expect(run.comparisons[0]).toMatchObject({ withinTolerance: true, sameTop1: true });
  const expected = run.peers.map(({ peer }) => slicesOf(graph, plan, peer));
  for (const [index, { peer, weightBytes }] of run.peers.entries()) {
    expect(weightBytes, peer).toBe(bytesOf(expected[index]!));
  }
  expect(watch.reads.sort()).toEqual(expected.flatMap((slices) => [...slices]).sort());
  expect(watch.bytes()).toBe(run.peers.reduce((sum, { weightBytes }) => sum + weightBytes, 0));
}

describe('a peer asks for the weight slices of its tiles, and for nothing else', () => {
  it('with output channels, partial sums that flow on, and units', async () => {
    await check(
      planBuilder(graph)
        .segment({ through: 'conv1', split: partialSums({ peers: [0] }) })
        .segment({ through: 'pool1', split: channels({ peers: [0, 1, 2] }) })
        .layers({ through: 'pool2', split: channels({ peers: [0, 1, 2], shares: [1, 2, 1] }) })
        .segment({ through: 'fc1', split: flowing() })
        .segment({ through: 'relu3', split: channels({ peers: [2, 1] }) })
        .layers({ through: 'fc3/bias', split: channels({ peers: [0, 1, 2] }) })
        .segment({ split: whole(1) })
        .plan({ session, epoch: 0, peers }),
    );
  });

  it('with channels dealt evenly, all peers together hold every weight once', async () => {
    const plan = planBuilder(graph)
      .layers({ through: 'fc3/bias', split: channels({ peers: [0, 1, 2] }) })
      .segment({ split: whole(0) })
      .plan({ session, epoch: 0, peers });
    const run = await runPlan({ graph, plan, weights, frames: [] });
    const parameters = [...weightShapes(graph).values()].reduce((sum, shape) => sum + shapeSize(shape), 0);
    expect(parameters).toBe(61_706);
    expect(run.peers.reduce((sum, { weightBytes }) => sum + weightBytes, 0)).toBe(4 * parameters);
  });

  it('once for several tiles: bands of one layer, cells of a grid, and lanes on the same peer', async () => {
    await check(
      planBuilder(graph)
        .segment({ through: 'pool1', split: bands({ axis: 'height', peers: [0, 0, 1, 0] }) })
        .segment({
          through: 'pool2',
          lanes: [
            { share: 1, split: whole(2) },
            {
              share: 1,
              split: grid({
                cuts: [
                  { axis: 'height', shares: [1, 1] },
                  { axis: 'width', shares: [1, 1] },
                ],
                peers: [2, 1, 2, 1],
              }),
            },
          ],
        })
        .layers({ through: 'fc3/bias', split: whole(0) })
        .segment({ split: whole(0) })
        .plan({ session, epoch: 0, peers }),
    );
  });
});
