import type { Graph } from '../../src/graph/graph.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../../src/graph/shapes.ts';
import type { AxisName } from '../../src/planner/axes.ts';
import { axisNames } from '../../src/planner/axes.ts';
import { planBuilder, type AnySplit } from '../../src/planner/plan-builder.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { bands, channels, flowing, grid, partialSums, whole, type Split } from '../../src/planner/splits.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import type { Random } from '../../src/shared/random.ts';
import { between, chance, pick } from './random.ts';

export interface BuiltPlan {
  readonly plan: Plan;
  /** How many segments took each kind of split; what does not fit a segment falls back to `whole`. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** A plan of random splits through the builder: what it refuses becomes one tile instead. */
export function randomBuiltPlan(random: Random, graph: Graph, peers: readonly PeerId[]): BuiltPlan {
  const builder = planBuilder(graph);
  const kinds = new Map<string, number>();
  const shapes = tensorShapes(graph);
  const anyPeers = (count: number): PeerId[] => Array.from({ length: count }, () => pick(random, peers));
  const shares = (count: number): number[] => Array.from({ length: count }, () => between(random, 1, 4));
  for (let start = 0; start < graph.nodes.length;) {
    let end = Math.min(graph.nodes.length, start + between(random, 1, 4));
    if (chance(random, 0.4)) {
      const linear = graph.nodes.findIndex(({ op }, index) => index >= start && definitionOf(op).linear);
      if (linear >= 0) end = linear + 1;
    }
    const through = graph.nodes[end - 1]!;
    const names = axisNames(shapes.get(through.id)!.length);
    const axis = (): AxisName => (names.length > 0 ? pick(random, names) : 'channel');
    const count = between(random, 2, 4);
    const request = (): { peers: PeerId[]; shares: number[]; multipleOf?: number } => ({
      peers: anyPeers(count),
      shares: shares(count),
      ...(chance(random, 0.2) ? { multipleOf: 2 } : {}),
    });
    const linear = definitionOf(through.op).reduceShape(through.op, inputShapes(through, shapes)).length > 0;
    const splits: Record<string, () => AnySplit> = {
      whole: () => whole(pick(random, peers)),
      bands: () => bands({ axis: axis(), ...request() }),
      channels: () => channels(request()),
      grid: () =>
        grid({
          cuts: [
            { axis: axis(), shares: shares(2) },
            { axis: axis(), shares: shares(2) },
          ],
          peers: anyPeers(4),
        }),
      ...(linear
        ? {
            partialSums: () => partialSums(request()),
            flowing,
            // Sums and output channels at once.
            mixed: (): Split => ({
              ...partialSums({ peers: [], shares: [1, 2] }),
              outputs: [{ axis: 'channel', shares: [2, 1] }],
              peers: anyPeers(4),
            }),
          }
        : {}),
    };
    const sums = linear && chance(random, 0.6);
    const kind = pick(random, sums ? ['partialSums', 'flowing', 'mixed'] : Object.keys(splits));
    const lanes = Array.from({ length: chance(random, 0.25) ? 2 : 1 }, () => ({
      share: between(random, 1, 3),
      split: splits[kind]!(),
    }));
    let taken = kind;
    try {
      builder.segment({ through: through.id, lanes });
    } catch (error) {
      if (!(error instanceof PeerceptronError) || error.code !== 'PLAN_INVALID') throw error;
      taken = 'whole';
      builder.segment({ through: through.id, split: whole(pick(random, peers)) });
    }
    kinds.set(taken, (kinds.get(taken) ?? 0) + 1);
    start = end;
  }
  const session = asSessionId(Array.from({ length: 32 }, () => random.integer(16).toString(16)).join(''));
  return { plan: builder.plan({ session, epoch: 0 }), kinds };
}
