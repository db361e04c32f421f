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
import { randomBlockGraph } from '../../support/random-block-graph.ts';
import { randomPlan } from '../../support/random-plan.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';
import { between, chance } from '../../support/random.ts';
import { STRUCTURES, structuresOf } from '../../support/structures.ts';

const sourceOf = (graph: Graph, weights: Tensors): WeightSource =>
  memorySource([...weightShapes(graph)].map(([name, shape]) => ({ name, shape, data: weights.get(name)! })));

const parameters = runs(1200);
/** Cases of any structure, at the least: a generator that has lost one tests nothing of it. */
const fewest = parameters.numRuns / 15;

describe('random graphs under random plans, over in-memory links', () => {
  it(`give the unsplit outputs for every frame (${describeRuns(parameters)})`, async () => {
    const engine = createReferenceEngine();
    const seen = new Map<string, number>();
    let silent = 0;
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        const graph = chance(random, 0.6) ? randomBlockGraph(random) : randomGraph(random);
        const weights = sourceOf(graph, randomWeights(random, graph));
        const peers = Array.from({ length: between(random, 1, 4) }, (_, index) => peerIdOf(index + 1));
        const plan = randomPlan(random, graph, peers);
        expect(planProblems(graph, plan), `seed ${seed}`).toEqual([]);
        for (const structure of structuresOf(graph, plan)) {
          seen.set(structure, (seen.get(structure) ?? 0) + 1);
        }

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
          // What never arrives is reported with the tile that waits for it, and with the seed.
          stallTimeoutMs: 10_000,
        });
        const frames = Array.from({ length: 3 }, () => {
          const inputs = randomInputs(random, graph);
          return graph.inputs.map(({ id }) => inputs.get(id)!);
        });
        // All at once: the window holds them back, and frames must not mix.
        const results = await Promise.all(frames.map((frame) => session.run(frame)));
        for (const [index, frame] of frames.entries()) {
          const expected = await whole.run(frame);
          const comparison = compareOutputs(results[index]!.outputs, expected.outputs);
          if (comparison.maxAbs === 0) silent += 1;
          expect(comparison, `seed ${seed}, frame ${index}`).toMatchObject({
            withinTolerance: true,
            sameTop1: true,
          });
        }
        await session.close();
        await Promise.all(services.map((service) => service.close()));
        await whole.dispose();
      }),
      parameters,
    );
    expect((await engine.memory()).tensors).toBe(0);
    // A case that is replayed alone has what it has.
    if (parameters.numRuns < 1000) return;
    for (const structure of STRUCTURES) {
      expect(seen.get(structure) ?? 0, `cases with ${structure}`).toBeGreaterThan(fewest);
    }
    expect(silent, 'frames whose outputs are all zero').toBeLessThan(parameters.numRuns / 20);
  }, 240_000);
});
