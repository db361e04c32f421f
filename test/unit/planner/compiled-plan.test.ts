import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxSize, intersect, isEmpty, isPartition } from '../../../src/graph/box.ts';
import { compilePlan, REQUESTER } from '../../../src/planner/compiled-plan.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { LaneDealer } from '../../../src/planner/lane-dealer.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { randomGraph } from '../../support/random-ops.ts';
import { randomPlan } from '../../support/random-plan.ts';

describe('derived transfers', () => {
  it('bring every input whole, exactly once, and each piece to the one who waits for it', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const random = seededRandom(seed);
        const graph = randomGraph(random);
        const plan = randomPlan(random, graph, [1, 2, 3].map(peerIdOf));
        const compiled = compilePlan(graph, plan);
        const dealer = new LaneDealer(plan);
        // Frames on different lanes, in turn: what one frame takes must not stick to the next.
        for (let frame = 0; frame < 4; frame++) {
          const lanes = dealer.next();
          let expected = 0;
          for (const [segment, { lanes: choices }] of plan.segments.entries()) {
            const lane = lanes[segment]!;
            for (const tile of choices[lane]!.tiles.keys()) {
              const program = compiled.program(segment, lane, tile);
              for (const [input, { tensor, box }] of program.inputs.entries()) {
                const pieces = compiled.inputPieces(lanes, segment, tile, input);
                expected += pieces.length;
                expect(pieces.every(({ region }) => !isEmpty(region))).toBe(true);
                expect(pieces.every((piece) => piece.segment < segment)).toBe(true);
                if (pieces.every(({ combine }) => combine === 'copy')) {
                  const regions = pieces.map(({ region }) => region);
                  expect(isPartition(box, regions), `seed ${seed}: '${tensor}'`).toBe(true);
                } else {
                  // Partial sums: every element gets the same number of summands from a grid, and at least one.
                  const covered = pieces.reduce(
                    (sum, { region }) => sum + boxSize(intersect(box, region)),
                    0,
                  );
                  expect(covered).toBeGreaterThanOrEqual(boxSize(box));
                }
              }
            }
          }
          for (const output of graph.outputs.keys()) expected += compiled.outputPieces(lanes, output).length;

          let delivered = 0;
          const producers: [number, number][] = [[REQUESTER, 0]];
          for (const [segment, { lanes: choices }] of plan.segments.entries()) {
            for (const tile of choices[lanes[segment]!]!.tiles.keys()) producers.push([segment, tile]);
          }
          for (const [segment, tile] of producers) {
            for (const delivery of compiled.deliveries(lanes, segment, tile)) {
              delivered += 1;
              const pieces =
                delivery.segment === plan.segments.length
                  ? compiled.outputPieces(lanes, delivery.input)
                  : compiled.inputPieces(lanes, delivery.segment, delivery.tile, delivery.input);
              expect(pieces[delivery.piece]).toMatchObject({ segment, tile, region: delivery.region });
            }
          }
          expect(delivered, `seed ${seed}`).toBe(expected);
        }
      }),
      runs(300),
    );
  });
});
