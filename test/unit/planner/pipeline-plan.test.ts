import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import { definitionOf } from '../../../src/graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../../../src/graph/shapes.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import { planProblems } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { randomGraph } from '../../support/random-ops.ts';
import { between } from '../../support/random.ts';
import { vgg16 } from '../../support/small-networks.ts';

const session = asSessionId('5'.repeat(32));
const equalPeers = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: peerIdOf(index + 1), speed: 1 }));

describe('pipelinePlan', () => {
  it('gives valid plans of one segment per peer for any graph', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const random = seededRandom(seed);
        const graph = randomGraph(random);
        const peers = equalPeers(between(random, 1, 6));
        const plan = pipelinePlan({ graph, session, epoch: 3, peers });
        expect(planProblems(graph, plan), `seed ${seed}`).toEqual([]);
        expect(plan.segments).toHaveLength(Math.min(peers.length, graph.nodes.length));
        expect(pipelinePlan({ graph, session, epoch: 3, peers })).toEqual(plan);
      }),
      runs(500),
    );
  });

  it('balances VGG16 over four peers', () => {
    const graph = vgg16();
    const shapes = tensorShapes(graph);
    const plan = pipelinePlan({ graph, session, epoch: 0, peers: equalPeers(4) });
    const stages = plan.segments.map(({ ops }) =>
      graph.nodes
        .slice(...ops)
        .reduce(
          (sum, node) =>
            sum +
            definitionOf(node.op).cost(node.op, inputShapes(node, shapes), fullBox(shapes.get(node.id)!))
              .macs,
          0,
        ),
    );
    const total = stages.reduce((sum, macs) => sum + macs, 0);
    // No op is larger than 12 % of the network, so a quarter each is within reach.
    expect(Math.max(...stages)).toBeLessThan(0.33 * total);
  });

  it('gives a faster peer more', () => {
    const graph = vgg16();
    const [even, uneven] = [1, 4].map((speed) =>
      pipelinePlan({
        graph,
        session,
        epoch: 0,
        peers: [
          { id: peerIdOf(1), speed: 1 },
          { id: peerIdOf(2), speed },
        ],
      }),
    );
    const firstStage = (plan: typeof even): number => plan!.segments[0]!.ops[1];
    expect(firstStage(uneven)).toBeLessThan(firstStage(even));
  });

  it('says what is missing without peers', () => {
    expect(() => pipelinePlan({ graph: vgg16(), session, epoch: 0, peers: [] })).toThrowError(
      expect.objectContaining({ code: 'PLAN_NO_PEERS' }) as Error,
    );
  });
});
