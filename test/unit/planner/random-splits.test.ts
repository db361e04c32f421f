import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/graph/graph.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { planProblems } from '../../../src/planner/verify-plan.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { randomGraph, randomInputs, randomWeights, type Tensors } from '../../support/random-ops.ts';
import { randomBuiltPlan } from '../../support/random-splits.ts';
import { between } from '../../support/random.ts';
import { runPlan } from '../../support/run-plan.ts';

const sourceOf = (graph: Graph, weights: Tensors): WeightSource =>
  memorySource([...weightShapes(graph)].map(([name, shape]) => ({ name, shape, data: weights.get(name)! })));

describe('random splits of random graphs', () => {
  it('are plans that hold, and give the unsplit outputs', async () => {
    const kinds = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        const graph = randomGraph(random);
        const peers = Array.from({ length: between(random, 1, 4) }, (_, index) => peerIdOf(index + 1));
        const built = randomBuiltPlan(random, graph, peers);
        for (const [kind, count] of built.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
        expect(planProblems(graph, built.plan), `seed ${seed}`).toEqual([]);
        const weights = sourceOf(graph, randomWeights(random, graph));
        const frames = Array.from({ length: 2 }, () => {
          const inputs = randomInputs(random, graph);
          return graph.inputs.map(({ id }) => inputs.get(id)!);
        });
        const { comparisons } = await runPlan({ graph, plan: built.plan, weights, frames });
        for (const comparison of comparisons) {
          expect(comparison, `seed ${seed}`).toMatchObject({ withinTolerance: true, sameTop1: true });
        }
      }),
      runs(300),
    );
    // Every kind of split was really taken, not only its fallback.
    for (const kind of ['bands', 'channels', 'grid', 'partialSums', 'flowing', 'mixed']) {
      expect(kinds.get(kind) ?? 0, JSON.stringify([...kinds])).toBeGreaterThan(0);
    }
  });
});
