import { fullBox, type Box, type Shape } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../../src/graph/shapes.ts';
import { liveTensors } from '../../src/planner/liveness.ts';
import type { Lane, Plan, Segment, Tile } from '../../src/planner/plan.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import type { Random } from '../../src/shared/random.ts';
import { randomPartition } from './random-ops.ts';
import { between, chance, pick } from './random.ts';

/** A valid plan of any kind: cuts anywhere, several lanes, bands, grids, channel splits, partial sums, empty tiles. */
export function randomPlan(random: Random, graph: Graph, peers: readonly PeerId[]): Plan {
  const segments: Segment[] = [];
  for (let start = 0; start < graph.nodes.length;) {
    const longest = chance(random, 0.2) ? graph.nodes.length : 5;
    const end = Math.min(graph.nodes.length, start + between(random, 1, longest));
    const lanes = Array.from({ length: chance(random, 0.3) ? 2 : 1 }, () => ({
      share: between(random, 1, 3),
      tiles: randomTiles(random, graph, [start, end], peers),
    }));
    segments.push({ ops: [start, end], lanes });
    start = end;
  }
  const session = asSessionId(Array.from({ length: 32 }, () => random.integer(16).toString(16)).join(''));
  return { session, epoch: 0, model: graph.name, segments };
}

function randomTiles(
  random: Random,
  graph: Graph,
  ops: Segment['ops'],
  peers: readonly PeerId[],
): Lane['tiles'] {
  const shapes = tensorShapes(graph);
  const live = liveTensors(graph, ops);
  const last = graph.nodes[ops[1] - 1]!;
  const definition = definitionOf(last.op);
  const domain = definition.reduceShape(last.op, inputShapes(last, shapes));
  if (live.length === 1 && live[0] === last.id && domain.length > 0 && chance(random, 0.5)) {
    return partialSums(random, shapes.get(last.id)!, last.id, domain, peers);
  }
  const count = between(random, 1, 5);
  const boxes = live.map((tensor) => {
    const node = graph.nodes.find(({ id }) => id === tensor)!;
    const axes = definitionOf(node.op).tileableAxes(node.op, inputShapes(node, shapes));
    return randomTiling(random, shapes.get(tensor)!, axes, count);
  });
  return Array.from({ length: count }, (_, index) => ({
    peer: pick(random, peers),
    outputs: live.map((tensor, position) => ({ tensor, box: boxes[position]![index]! })),
  }));
}

/** `count` boxes that partition the tensor: along one axis, as a grid, or all in one where the op allows no cut. */
function randomTiling(random: Random, shape: Shape, axes: readonly number[], count: number): Box[] {
  const empty: Box = shape.map(() => [0, 0]);
  if (axes.length === 0) {
    const owner = random.integer(count);
    return Array.from({ length: count }, (_, index) => (index === owner ? fullBox(shape) : empty));
  }
  const replace = (box: Box, axis: number, range: Box[number]): Box =>
    box.map((known, i) => (i === axis ? range : known));
  const first = pick(random, axes);
  if (count === 4 && axes.length > 1 && chance(random, 0.6)) {
    const second = pick(
      random,
      axes.filter((axis) => axis !== first),
    );
    const rows = randomPartition(random, shape[first]!, 2);
    const columns = randomPartition(random, shape[second]!, 2);
    return rows.flatMap((row) =>
      columns.map((column) => replace(replace(fullBox(shape), first, row), second, column)),
    );
  }
  return randomPartition(random, shape[first]!, count).map((range) => replace(fullBox(shape), first, range));
}

/** Tiles that split the contraction; with luck the output channels too. */
function partialSums(
  random: Random,
  shape: Shape,
  tensor: string,
  domain: Shape,
  peers: readonly PeerId[],
): Tile[] {
  const axis = random.integer(domain.length);
  const parts = randomPartition(random, domain[axis]!, between(random, 1, 3));
  const channel = shape.length - 1;
  const outputs = chance(random, 0.4)
    ? randomPartition(random, shape[channel]!, 2)
    : [[0, shape[channel]!] as const];
  return parts.flatMap((part) =>
    outputs.map((range) => ({
      peer: pick(random, peers),
      outputs: [{ tensor, box: fullBox(shape).map((full, i) => (i === channel ? range : full)) }],
      reduce: fullBox(domain).map((full, i) => (i === axis ? part : full)),
    })),
  );
}
