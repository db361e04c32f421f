import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/graph/graph.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { planBuilder, type AnySplit } from '../../../src/planner/plan-builder.ts';
import { bands, channels, flowing, whole } from '../../../src/planner/splits.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { randomInputs, randomWeights } from '../../support/random-ops.ts';
import { runPlan } from '../../support/run-plan.ts';
import { lenet } from '../../support/small-networks.ts';

const session = asSessionId('d'.repeat(32));
const peers = [1, 2, 3, 4].map(peerIdOf);
const four = [0, 1, 2, 3];

async function exactness(graph: Graph, pooled: AnySplit, seed: number) {
  const random = seededRandom(seed);
  const values = randomWeights(random, graph);
  const weights = memorySource(
    [...weightShapes(graph)].map(([name, shape]) => ({ name, shape, data: values.get(name)! })),
  );
  const plan = planBuilder(graph)
    .segment({ through: 'pool2', split: pooled })
    .segment({ through: 'fc1', split: flowing() })
    .segment({ through: 'relu3', split: channels({ peers: four, shares: [1, 2, 3, 4] }) })
    .segment({ through: 'fc2', split: flowing() })
    .segment({ split: whole(3) })
    .plan({ session, epoch: 0, peers });
  const frames = [0, 1].map(() => [...randomInputs(random, graph).values()]);
  return (await runPlan({ graph, plan, weights, frames })).comparisons;
}

describe('boxes that flow into dense layers as partial sums', () => {
  it.each([
    ['row bands', bands({ axis: 'height', peers: four })],
    ['uneven column bands, one empty', bands({ axis: 'width', peers: four, shares: [3, 0, 1, 1] })],
    ['channel slices', channels({ peers: four })],
  ])('%s give the unsplit outputs (seed 5)', async (_, pooled) => {
    for (const comparison of await exactness(lenet(), pooled, 5)) {
      expect(comparison).toMatchObject({ withinTolerance: true, sameTop1: true });
    }
  });
});
