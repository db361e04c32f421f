import { boxSize, fullBox, type Shape } from '../../graph/box.ts';
import type { Graph, TensorId } from '../../graph/graph.ts';
import { graphCost } from '../../graph/inspect.ts';
import type { OpKind } from '../../graph/op.ts';
import { tensorShapes } from '../../graph/shapes.ts';
import type { Plan, Tile } from '../../planner/plan.ts';
import type { PeerId } from '../../shared/ids.ts';

/** Everything is laid out in a strip of this width and of height 1. */
export const STRIP_WIDTH = 1000;

/** One op of the network: from `x` to `x + width`, the wider the more it computes. */
export interface StripOp {
  readonly index: number;
  readonly id: TensorId;
  readonly kind: OpKind;
  readonly x: number;
  readonly width: number;
  readonly shape: Shape;
  readonly macs: number;
  /** Of the network's multiply-accumulates. */
  readonly part: number;
}

/** One tile: a rectangle over its ops, as high as its part of their output. */
export interface StripBand {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  readonly peer: PeerId;
  /** Half-open, over the graph's ops. */
  readonly ops: readonly [start: number, end: number];
  readonly x: number;
  readonly width: number;
  readonly y: number;
  readonly height: number;
}

export interface Strip {
  readonly ops: readonly StripOp[];
  readonly bands: readonly StripBand[];
}

/** Of an op without multiply-accumulates: wide enough to hit while there are few. */
const LEAST_WIDTH = 6;
/** Of the whole strip, what such widths may take together. */
const LEAST_PART = 0.4;

/** The ops side by side, their widths by what they compute and never nothing. */
export function stripOps(graph: Graph): StripOp[] {
  const { layers, macs: total } = graphCost(graph);
  const least = Math.min(LEAST_WIDTH, (LEAST_PART * STRIP_WIDTH) / layers.length);
  // Where nothing computes, all are equal.
  const shared = total > 0 ? STRIP_WIDTH - least * layers.length : 0;
  const base = total > 0 ? least : STRIP_WIDTH / layers.length;
  let x = 0;
  return layers.map(({ id, op, outputShape, macs }, index): StripOp => {
    const part = total > 0 ? macs / total : 0;
    const width = base + part * shared;
    const placed = { index, id, kind: op, x, width, shape: outputShape, macs, part };
    x += width;
    return placed;
  });
}

/** The ops and who computes what of them: lanes one below the other by their shares, in each its tiles by their sizes. */
export function stripOf(graph: Graph, plan: Plan): Strip {
  const ops = stripOps(graph);
  const shapes = tensorShapes(graph);
  const bands: StripBand[] = [];
  for (const [segment, { ops: run, lanes }] of plan.segments.entries()) {
    const first = ops[run[0]]!;
    const last = ops[run[1] - 1]!;
    const [x, width] = [first.x, last.x + last.width - first.x];
    const shares = lanes.reduce((sum, { share }) => sum + share, 0);
    let y = 0;
    for (const [lane, { share, tiles }] of lanes.entries()) {
      const sizes = tiles.map((tile) => tileSize(tile, shapes));
      const whole = sizes.reduce((sum, size) => sum + size, 0);
      for (const [tile, { peer }] of tiles.entries()) {
        const part = whole > 0 ? sizes[tile]! / whole : 1 / tiles.length;
        const height = (share / shares) * part;
        // A tile with nothing to do has no place in a picture of the work.
        if (height > 0) bands.push({ segment, lane, tile, peer, ops: run, x, width, y, height });
        y += height;
      }
    }
  }
  return { ops, bands };
}

/** Part of what the segment makes, in whole outputs; of a partial sum, the part of what is summed over. */
function tileSize({ outputs, reduce }: Tile, shapes: ReadonlyMap<TensorId, Shape>): number {
  let part = 0;
  for (const { tensor, box } of outputs) part += boxSize(box) / boxSize(fullBox(shapes.get(tensor)!));
  return reduce === undefined ? part : part * boxSize(reduce);
}

/** Peers in the order in which the plan first names them: the same plan gives each the same colour. */
export function peersInOrder({ segments }: Plan): PeerId[] {
  const peers = segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)));
  return [...new Set(peers)];
}
