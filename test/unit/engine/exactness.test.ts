import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { fullBox, isEmpty, type Box, type Range } from '../../../src/graph/box.ts';
import { definitionOf, OP_KINDS } from '../../../src/graph/ops/index.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import {
  largestDifference,
  maxAbs,
  randomNetworkCase,
  randomOpCase,
  randomPartition,
  runTile,
  runWhole,
  type TileCase,
} from '../../support/random-ops.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { between } from '../../support/random.ts';

const engine = createReferenceEngine();

/** The tile from its own boxes only, against the same boxes of the whole tensors. */
async function expectTileEqualsWhole(tileCase: TileCase): Promise<void> {
  const { graph, weights, inputs, request, description } = tileCase;
  const shapes = tensorShapes(graph);
  const whole = await runWhole(engine, graph, inputs, weights);
  const results = await runTile(engine, graph, request, whole, weights);
  const wanted = request.outputs.filter(({ box }) => !isEmpty(box));
  expect(results.length, description).toBe(wanted.length);
  for (const [index, { tensor, box }] of wanted.entries()) {
    const expected = cropRegion(whole.get(tensor)!, fullBox(shapes.get(tensor)!), box);
    // Sums run in an order that the box does not change: equal to the bit.
    expect(largestDifference(results[index]!, expected), description).toBe(0);
  }
}

describe('every split is exact on the reference engine', () => {
  for (const kind of OP_KINDS) {
    const count = kind === 'conv' ? 4000 : kind.endsWith('pool') ? 1500 : 400;
    it(`${kind}: a box from its receptive field equals the box of the whole`, async () => {
      await fc.assert(
        fc.asyncProperty(seeds(), async (seed) => {
          const { request, ...rest } = randomOpCase(seed, [kind]);
          await expectTileEqualsWhole({
            ...rest,
            request: { ops: request.ops, outputs: request.outputs },
          });
        }),
        runs(count),
      );
    });
  }

  for (const kind of ['conv', 'dense'] as const) {
    it(`${kind}: partial sums over a partition of the contraction add up to the whole`, async () => {
      let checked = 0;
      await fc.assert(
        fc.asyncProperty(seeds(), async (seed) => {
          const random = seededRandom(seed ^ 0x5eed);
          const { graph, weights, inputs, request, description } = randomOpCase(seed, [kind]);
          const [{ op }] = graph.nodes as [(typeof graph.nodes)[number]];
          const reduceShape = definitionOf(op).reduceShape(op, [graph.inputs[0]!.shape]);
          const box = request.outputs[0]!.box;
          if (reduceShape.length === 0 || isEmpty(box)) return;
          checked += 1;
          const [expected] = await runTile(
            engine,
            graph,
            { ops: [0, 1], outputs: request.outputs },
            inputs,
            weights,
          );
          const axis = random.integer(reduceShape.length);
          const parts = randomPartition(
            random,
            reduceShape[axis]!,
            between(random, 1, reduceShape[axis]! + 2),
          );
          const total = new Float32Array(expected!.length);
          for (const part of parts) {
            const reduce: Box = fullBox(reduceShape).map((range, i): Range => (i === axis ? part : range));
            const [partial] = await runTile(
              engine,
              graph,
              { ops: [0, 1], outputs: request.outputs, reduce },
              inputs,
              weights,
            );
            partial!.forEach((value, index) => (total[index]! += value));
          }
          expect(largestDifference(total, expected!), description).toBeLessThanOrEqual(
            1e-5 * maxAbs(expected!) + 1e-7,
          );
        }),
        runs(800),
      );
      expect(checked).toBeGreaterThan(runs(800).numRuns / 4);
    });
  }

  it('tilings with more tiles than rows cover the output exactly', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed ^ 0x7e11);
        const { graph, weights, inputs, description } = randomOpCase(seed, [
          'conv',
          'max-pool',
          'avg-pool',
          'pad',
        ]);
        const shape = tensorShapes(graph).get('out')!;
        const whole = (await runWhole(engine, graph, inputs, weights)).get('out')!;
        const axis = random.integer(shape.length);
        let covered = 0;
        for (const part of randomPartition(random, shape[axis]!, shape[axis]! + 3)) {
          const box = fullBox(shape).map((range, i): Range => (i === axis ? part : range));
          const results = await runTile(
            engine,
            graph,
            { ops: [0, 1], outputs: [{ tensor: 'out', box }] },
            inputs,
            weights,
          );
          expect(results.length, description).toBe(isEmpty(box) ? 0 : 1);
          if (results.length === 0) continue;
          covered += results[0]!.length;
          expect(largestDifference(results[0]!, cropRegion(whole, fullBox(shape), box)), description).toBe(0);
        }
        expect(covered, description).toBe(whole.length);
      }),
      runs(600),
    );
  });

  it('segments of random networks equal the whole network', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => expectTileEqualsWhole(randomNetworkCase(seed))),
      runs(4000),
    );
  });
});
