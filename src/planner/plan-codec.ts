import type { Graph, TensorId } from '../graph/graph.ts';
import type { PeerId } from '../shared/ids.ts';
import { encodedBytes, isLossy, type Codec, type WireCodec } from './codec.ts';
import { REQUESTER, type CompiledPlan } from './compiled-plan.ts';
import type { Plan } from './plan.ts';

/**
 * The plan with `codec` wherever it says nothing about activations between peers. Partial sums, the network's inputs and its outputs
 * stay exact.
 */
export function withCodec({ outputs: results }: Graph, plan: Plan, codec: Codec): Plan {
  return {
    ...plan,
    segments: plan.segments.map((segment) => ({
      ...segment,
      lanes: segment.lanes.map((lane) => {
        const partial = lane.tiles.some(({ reduce }) => reduce);
        return {
          ...lane,
          tiles: lane.tiles.map((tile) => ({
            ...tile,
            outputs: tile.outputs.map((output) =>
              output.codec || partial || results.includes(output.tensor) ? output : { ...output, codec },
            ),
          })),
        };
      }),
    })),
  };
}

/** What a frame sends over links in one codec: bytes of the streams, without the frames of the protocol around them. */
export interface CodecTraffic {
  readonly codec: WireCodec;
  readonly pieces: number;
  readonly bytes: number;
  /** The same pieces as f32. */
  readonly f32Bytes: number;
}

export const isLossyTraffic = (traffic: readonly CodecTraffic[]): boolean =>
  traffic.some(({ codec }) => codec !== 'pixels' && isLossy(codec));

/** Per codec, what a frame on `lanes` sends over links; `pictures`: inputs that are 8-bit pictures. */
export function frameTraffic(
  compiled: CompiledPlan,
  lanes: readonly number[],
  pictures: ReadonlySet<TensorId> = new Set(),
): CodecTraffic[] {
  const { segments } = compiled.plan;
  const peerOf = (segment: number, tile: number): PeerId | undefined =>
    segment === REQUESTER || segment === segments.length
      ? undefined
      : compiled.tile(segment, lanes[segment]!, tile).peer;
  const sources = segments.flatMap(({ lanes: choices }, segment) =>
    choices[lanes[segment]!]!.tiles.map((_, tile) => [segment, tile] as const),
  );
  const totals = new Map<WireCodec, { pieces: number; bytes: number; f32Bytes: number }>();
  for (const [segment, tile] of [[REQUESTER, 0] as const, ...sources]) {
    const from = peerOf(segment, tile);
    for (const delivery of compiled.deliveries(lanes, segment, tile)) {
      if (from !== undefined && from === peerOf(delivery.segment, delivery.tile)) continue;
      const isPicture = segment === REQUESTER && pictures.has(delivery.tensor);
      const codec: WireCodec = isPicture ? 'pixels' : delivery.codec;
      const total = totals.get(codec) ?? { pieces: 0, bytes: 0, f32Bytes: 0 };
      total.pieces += 1;
      total.bytes += encodedBytes(codec, delivery.region);
      total.f32Bytes += encodedBytes('f32', delivery.region);
      totals.set(codec, total);
    }
  }
  return [...totals].map(([codec, total]) => ({ codec, ...total }));
}
