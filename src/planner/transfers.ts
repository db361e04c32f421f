import { boxSize, type Box } from '../graph/box.ts';
import type { TensorId } from '../graph/graph.ts';
import type { PeerId } from '../shared/ids.ts';
import { REQUESTER, type CompiledPlan } from './compiled-plan.ts';

/** One piece of a tensor that crosses a link for every frame. */
export interface Transfer {
  readonly from: PeerId | 'requester';
  readonly to: PeerId | 'requester';
  /** Producing segment; `REQUESTER` for inputs of the graph. */
  readonly segment: number;
  readonly tensor: TensorId;
  readonly region: Box;
  /** As float32. */
  readonly sizeBytes: number;
}

/**
 * Everything that a frame with these lanes sends over links. What a peer makes and needs itself stays where it is
 * and is not listed; a requester that computes too counts as one more peer.
 */
export function transfersOf(compiled: CompiledPlan, lanes: readonly number[]): Transfer[] {
  const { segments } = compiled.plan;
  const peerAt = (segment: number, tile: number): PeerId | 'requester' =>
    segment === REQUESTER || segment === segments.length
      ? 'requester'
      : compiled.tile(segment, lanes[segment]!, tile).peer;
  const producers = [
    { segment: REQUESTER, tile: 0 },
    ...segments.flatMap(({ lanes: choices }, segment) =>
      choices[lanes[segment]!]!.tiles.map((_, tile) => ({ segment, tile })),
    ),
  ];
  return producers.flatMap(({ segment, tile }) =>
    compiled.deliveries(lanes, segment, tile).flatMap((delivery) => {
      const from = peerAt(segment, tile);
      const to = peerAt(delivery.segment, delivery.tile);
      if (from === to) return [];
      const { tensor, region } = delivery;
      return [{ from, to, segment, tensor, region, sizeBytes: 4 * boxSize(region) }];
    }),
  );
}
