import { fullBox, type Box, type Range, type Shape } from '../../src/graph/box.ts';
import type { Graph, OpNode } from '../../src/graph/graph.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../../src/graph/shapes.ts';
import { liveTensors } from '../../src/planner/liveness.ts';

/**
 * How a whole network is cut: every layer into `rows` (the first axis), a `grid` over two axes or its output
 * `channels`; every contraction that can be into partial `sums`; or runs of `fusedOps` ops into rows whose overlap is
 * computed twice.
 */
export type Split = 'rows' | 'grid' | 'channels' | 'sums' | { readonly fusedOps: number };

type Ops = readonly [start: number, end: number];

interface PlanTile {
  readonly peer: number;
  readonly outputs: readonly { readonly tensor: string; readonly box: Box }[];
  readonly reduce?: Box;
}

/** A plan as `--plan` takes it: peers by number from 0. Shares are uneven, and every lane starts at another peer. */
export function splitPlan(graph: Graph, split: Split, peerCount: number): object {
  const shapes = tensorShapes(graph);
  const peerAt = (segment: number, tile: number): number => (segment + tile) % peerCount;
  const segments = segmentsOf(graph, split).map((ops, segment) => {
    const last = graph.nodes[ops[1] - 1]!;
    const domain = definitionOf(last.op).reduceShape(last.op, inputShapes(last, shapes));
    const sums = split === 'sums' && domain.length > 0 && ops[1] - ops[0] === 1;
    const tiles = sums
      ? partialSums(last, shapes.get(last.id)!, domain, peerCount)
      : cutTiles(graph, shapes, ops, split, peerCount);
    return {
      ops,
      lanes: [{ share: 1, tiles: tiles.map((tile, i) => ({ ...tile, peer: peerAt(segment, i) })) }],
    };
  });
  return { segments };
}

/** Layers: a convolution or dense op with all that follows it. Partial sums end before the bias. */
function segmentsOf(graph: Graph, split: Split): Ops[] {
  const count = graph.nodes.length;
  const ends = new Set<number>([count]);
  for (const [index, { op }] of graph.nodes.entries()) {
    if (typeof split === 'object') {
      if (index > 0 && index % split.fusedOps === 0) ends.add(index);
      continue;
    }
    if (op.kind !== 'conv' && op.kind !== 'dense') continue;
    if (index > 0) ends.add(index);
    if (split === 'sums') ends.add(index + 1);
  }
  const sorted = [...ends].sort((a, b) => a - b);
  return sorted.map((end, index) => [sorted[index - 1] ?? 0, end] as const);
}

/** 2 : 3 : 2 : 3 … of the extent. */
function shares(extent: number, parts: number): Range[] {
  const weights = Array.from({ length: parts }, (_, index) => 2 + (index % 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight) => {
    const start = Math.round((sum / total) * extent);
    sum += weight;
    return [start, Math.round((sum / total) * extent)];
  });
}

function cutTiles(
  graph: Graph,
  shapes: ReadonlyMap<string, Shape>,
  ops: Ops,
  split: Split,
  count: number,
): Omit<PlanTile, 'peer'>[] {
  const live = liveTensors(graph, ops);
  const boxes = live.map((tensor) => {
    const node = graph.nodes.find(({ id }) => id === tensor)!;
    return cutTensor(node, shapes, split, split === 'grid' ? 4 : count);
  });
  return boxes[0]!.map((_, index) => ({
    outputs: live.map((tensor, position) => ({ tensor, box: boxes[position]![index]! })),
  }));
}

function cutTensor(node: OpNode, shapes: ReadonlyMap<string, Shape>, split: Split, count: number): Box[] {
  const shape = shapes.get(node.id)!;
  const tileable = definitionOf(node.op).tileableAxes(node.op, inputShapes(node, shapes));
  const along = (axis: number, range: Range, box: Box): Box =>
    box.map((whole, i) => (i === axis ? range : whole));
  const axis = split === 'channels' ? shape.length - 1 : 0;
  if (split === 'grid' && shape.length > 2 && tileable.includes(0) && tileable.includes(1)) {
    return shares(shape[0]!, 2).flatMap((row) =>
      shares(shape[1]!, 2).map((column) => along(0, row, along(1, column, fullBox(shape)))),
    );
  }
  if (tileable.includes(axis)) {
    return shares(shape[axis]!, count).map((range) => along(axis, range, fullBox(shape)));
  }
  // It cannot be cut there: one tile has it all.
  return Array.from({ length: count }, (_, index) =>
    index === 0 ? fullBox(shape) : shape.map((): Range => [0, 0]),
  );
}

function partialSums(node: OpNode, shape: Shape, domain: Shape, count: number): Omit<PlanTile, 'peer'>[] {
  return shares(domain[0]!, count).map((range) => ({
    outputs: [{ tensor: node.id, box: fullBox(shape) }],
    reduce: fullBox(domain).map((whole, axis) => (axis === 0 ? range : whole)),
  }));
}
