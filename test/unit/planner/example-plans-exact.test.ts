import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLE_PLANS } from '../../../scripts/plans/example-plans.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import { shapeSize } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import type { NetworkOptions } from '../../../src/models/layers.ts';
import { NETWORKS, type NetworkName } from '../../../src/models/presets.ts';
import { parsePlanFile } from '../../../src/planner/plan-file.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { seededModelWeights } from '../../../src/weights/seeded-model.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { normals } from '../../support/random.ts';
import { runPlan } from '../../support/run-plan.ts';

const session = asSessionId('f'.repeat(32));
const peers = Array.from({ length: 10 }, (_, index) => peerIdOf(index + 1));

/** Deep as published; narrower and on smaller pictures. */
const sizes: Readonly<Record<NetworkName, NetworkOptions>> = {
  alexnet: { inputShape: [127, 127, 3], width: 0.25, classes: 100 },
  vgg16: { inputShape: [64, 64, 3], width: 0.125, classes: 100 },
  xception: { inputShape: [95, 95, 3], width: 0.125, classes: 100 },
  c3d: { inputShape: [16, 48, 48, 3], width: 0.125, classes: 100 },
};

describe('the layouts of the example plans, on smaller networks, over in-memory links', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createTfjsEngine({ backend: 'wasm' });
  });
  afterAll(() => engine.dispose());

  it.each(EXAMPLE_PLANS)('$name gives the unsplit outputs in every lane (seed 3)', async (example) => {
    const unfolded = NETWORKS[example.network](sizes[example.network]);
    const { graph } = foldBatchNorm(simplify(unfolded));
    const file: unknown = JSON.parse(JSON.stringify(example.build(graph).file()));
    const plan = parsePlanFile(file, { graph, session, epoch: 0, peers });
    verifyPlan(graph, plan);
    const random = seededRandom(3);
    const lanes = Math.max(...plan.segments.map((segment) => segment.lanes.length));
    const frames = Array.from({ length: lanes }, () =>
      graph.inputs.map(({ shape }) => normals(random, shapeSize(shape))),
    );
    const weights = seededModelWeights({ seed: 3, unfolded });
    const { comparisons } = await runPlan({ graph, plan, weights, frames, engine });
    expect(comparisons).toHaveLength(lanes);
    for (const comparison of comparisons) {
      expect(comparison).toMatchObject({ withinTolerance: true, sameTop1: true });
      // Not a foregone conclusion: the answer is no uniform distribution.
      expect(comparison.maxAbs).toBeGreaterThan(0.011);
    }
  });
});
