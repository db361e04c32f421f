import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { planProblems } from '../../../src/planner/verify-plan.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer } from '../../../src/runtime/serve-peer.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../../src/runtime/whole-model.ts';
import { systemClock } from '../../../src/mesh/system-clock.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { randomGraph, randomInputs, randomWeights, type Tensors } from '../../support/random-ops.ts';
import { randomPlan } from '../../support/random-plan.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { between } from '../../support/random.ts';

const sourceOf = (graph: Graph, weights: Tensors): WeightSource =>
  memorySource([...weightShapes(graph)].map(([name, shape]) => ({ name, shape, data: weights.get(name)! })));

describe('random graphs under random plans, over in-memory links', () => {
  it('give the unsplit outputs for every frame', async () => {
    const engine = createReferenceEngine();
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        const graph = randomGraph(random);
        const weights = sourceOf(graph, randomWeights(random, graph));
        const peers = Array.from({ length: between(random, 1, 4) }, (_, index) => peerIdOf(index + 1));
        const plan = randomPlan(random, graph, peers);
        expect(planProblems(graph, plan), `seed ${seed}`).toEqual([]);

        const room = new MemoryRoom();
        const services = peers.map((peer) =>
          servePeer({
            node: new RuntimeNode(room.join(peer)),
            engine,
            memoryBytes: 1e9,
            clock: systemClock,
          }),
        );
        const whole = await loadWholeModel(engine, graph, weights);
        const session = await openSession({
          node: new RuntimeNode(room.join(peerIdOf(0))),
          graph,
          weights,
          plan,
          clock: systemClock,
        });
        const frames = Array.from({ length: 4 }, () => {
          const inputs = randomInputs(random, graph);
          return graph.inputs.map(({ id }) => inputs.get(id)!);
        });
        // All at once: the window holds them back, and frames must not mix.
        const results = await Promise.all(frames.map((frame) => session.run(frame)));
        for (const [index, frame] of frames.entries()) {
          const expected = await whole.run(frame);
          const comparison = compareOutputs(results[index]!.outputs, expected.outputs);
          expect(comparison, `seed ${seed}, frame ${index}`).toMatchObject({
            withinTolerance: true,
            sameTop1: true,
          });
        }
        await session.close();
        await Promise.all(services.map((service) => service.close()));
        await whole.dispose();
      }),
      runs(200),
    );
    expect((await engine.memory()).tensors).toBe(0);
  });
});
