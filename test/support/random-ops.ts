import type { Engine } from '../../src/engine/engine.ts';
import {
  checkBox,
  formatBox,
  fullBox,
  isEmpty,
  shapeSize,
  type Box,
  type Range,
  type Shape,
} from '../../src/graph/box.ts';
import type { Graph, OpNode, TensorId } from '../../src/graph/graph.ts';
import type { Op, OpKind, Padding } from '../../src/graph/op.ts';
import { definitionOf, OP_KINDS } from '../../src/graph/ops/index.ts';
import { cropRegion } from '../../src/graph/region-copy.ts';
import { tensorShapes, weightShapes } from '../../src/graph/shapes.ts';
import { compileTile, type TileRequest } from '../../src/graph/tile-program.ts';
import { seededRandom, type Random } from '../../src/shared/random.ts';
import { draw, drawActivation, drawConv, drawPool, drawUpsample, spatial } from './random-draws.ts';
import { between, chance, normals, pick } from './random.ts';

/** Whole tensors, row-major, by tensor id or by weight name. */
export type Tensors = ReadonlyMap<string, Float32Array>;

/** A graph with data, and one tile of it. */
export interface TileCase {
  readonly graph: Graph;
  readonly weights: Tensors;
  readonly inputs: Tensors;
  readonly request: TileRequest;
  /** One line that replays and explains the case. */
  readonly description: string;
}

/** Borders, single elements, whole extents and anything between; sometimes empty. */
export function randomRange(random: Random, extent: number, emptyChance = 0.02): Range {
  const roll = random.next();
  if (roll < emptyChance) {
    const place = between(random, 0, extent);
    return [place, place];
  }
  if (roll < 0.3) return [0, extent];
  if (roll < 0.4) return [0, 1];
  if (roll < 0.5) return [extent - 1, extent];
  const start = random.integer(extent);
  return [start, between(random, start + 1, extent)];
}

export const randomBox = (random: Random, shape: Shape, emptyChance = 0.02): Box =>
  shape.map((extent) => randomRange(random, extent, emptyChance));

/** `parts` consecutive ranges that cover `[0, extent)`; with more parts than elements some are empty. */
export function randomPartition(random: Random, extent: number, parts: number): Range[] {
  const cuts = Array.from({ length: parts - 1 }, () => between(random, 0, extent)).sort((a, b) => a - b);
  const ends = [0, ...cuts, extent];
  return ends.slice(1).map((end, index) => [ends[index]!, end] as const);
}

function fits(op: Op, inputs: readonly Shape[]): boolean {
  try {
    definitionOf(op).outputShape(op, inputs);
    return true;
  } catch {
    return false;
  }
}

function node(id: TensorId, op: Op, inputIds: readonly TensorId[], inputs: readonly Shape[]): OpNode {
  const roles = definitionOf(op).weightShapes(op, inputs);
  return {
    id,
    op,
    inputs: inputIds,
    weights: Object.fromEntries(roles.map(({ role }) => [role, `${id}/${role}`])),
  };
}

/** Values for every weight of the graph: variances positive, kernels scaled by their fan-in. */
export function randomWeights(random: Random, graph: Graph): Tensors {
  return new Map(
    [...weightShapes(graph)].map(([name, shape]) => {
      const fanIn = shapeSize(shape.slice(0, -1));
      const values = normals(random, shapeSize(shape), 1 / Math.sqrt(fanIn));
      return [name, name.endsWith('/variance') ? values.map((value) => 0.3 + value * value) : values];
    }),
  );
}

/** Inputs for the graph; sometimes all negative, which tells a maximum over padding of zeros from a right one. */
export function randomInputs(random: Random, graph: Graph): Tensors {
  const negative = chance(random, 0.3);
  return new Map(
    graph.inputs.map(({ id, shape }) => {
      const values = normals(random, shapeSize(shape));
      return [id, negative ? values.map((value) => -0.5 - Math.abs(value)) : values];
    }),
  );
}

function describe(seed: number, graph: Graph, request: TileRequest): string {
  const inputs = graph.inputs.map(({ id, shape }) => `${id}: ${shape.join('×')}`).join('; ');
  const nodes = graph.nodes
    .slice(...request.ops)
    .map(({ id, op, inputs: from }) => `${id} = ${JSON.stringify(op)}(${from.join(', ')})`)
    .join('; ');
  const boxes = request.outputs.map(({ tensor, box }) => `${tensor}${formatBox(box)}`).join(', ');
  const reduce = request.reduce ? ` reduce ${formatBox(request.reduce)}` : '';
  return `seed ${seed}: ${inputs}; ${nodes} → ${boxes}${reduce}`;
}

/** A graph of one op (of one of `kinds`) and a box of its output, sometimes of a partial sum. */
export function randomOpCase(seed: number, kinds: readonly OpKind[] = OP_KINDS): TileCase {
  const random = seededRandom(seed);
  let drawn = draw(random, pick(random, kinds));
  while (!fits(drawn.op, drawn.inputs)) drawn = draw(random, drawn.op.kind);
  const { op, inputs: shapes } = drawn;
  const inputs = shapes.map((shape, index) => ({ id: `in${index}`, shape }));
  const graph: Graph = {
    name: 'random-op',
    inputs,
    nodes: [
      node(
        'out',
        op,
        inputs.map(({ id }) => id),
        shapes,
      ),
    ],
    outputs: ['out'],
  };
  const definition = definitionOf(op);
  const reduceShape = definition.reduceShape(op, shapes);
  const box = randomBox(random, tensorShapes(graph).get('out')!);
  const request: TileRequest = {
    ops: [0, 1],
    outputs: [{ tensor: 'out', box }],
    ...(reduceShape.length > 0 && chance(random, 0.4) ? { reduce: randomBox(random, reduceShape) } : {}),
  };
  return {
    graph,
    weights: randomWeights(random, graph),
    inputs: randomInputs(random, graph),
    request,
    description: describe(seed, graph, request),
  };
}

const same = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

/** A random chain with residual sums, concatenations, depthwise blocks and gates, 3–14 ops; all dead ends are outputs. */
export function randomGraph(random: Random): Graph {
  const rank = pick(random, [1, 2, 2, 2, 3]);
  const input = [...spatial(random, rank, 4, [16, 11, 6][rank - 1]!), between(random, 1, 4)];
  const shapes = new Map<TensorId, Shape>([['input', input]]);
  const nodes: OpNode[] = [];
  const add = (op: Op, inputs: readonly TensorId[]): TensorId | undefined => {
    const inputShapes = inputs.map((id) => shapes.get(id)!);
    if (!fits(op, inputShapes)) return undefined;
    const id = `t${nodes.length}`;
    nodes.push(node(id, op, inputs, inputShapes));
    shapes.set(id, definitionOf(op).outputShape(op, inputShapes));
    return id;
  };
  const count = between(random, 3, 14);
  for (let attempt = 0; attempt < 200 && nodes.length < count; attempt++) {
    const ids = [...shapes.keys()];
    const from = chance(random, 0.75) ? ids.at(-1)! : pick(random, ids);
    const shape = shapes.get(from)!;
    if (shape.length < 2) {
      add(chance(random, 0.5) ? { kind: 'dense', units: between(random, 1, 6) } : drawActivation(random), [
        from,
      ]);
      continue;
    }
    const roll = random.next();
    if (roll < 0.3) add(drawConv(random, shape).op, [from]);
    else if (roll < 0.38) add({ kind: 'bias' }, [from]);
    else if (roll < 0.46) add({ kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true }, [from]);
    else if (roll < 0.56) {
      const op = drawActivation(random);
      add(op.kind === 'activation' && op.function === 'exp' ? { kind: 'activation', function: 'tanh' } : op, [
        from,
      ]);
    } else if (roll < 0.64) {
      add(drawPool(random, pick(random, ['max-pool', 'avg-pool'] as const), shape).op, [from]);
    } else if (roll < 0.68)
      add(
        { kind: 'pad', padding: shape.map((): Padding => [random.integer(2), random.integer(3)]), value: 0 },
        [from],
      );
    else if (roll < 0.78) {
      const partner = ids.filter((id) => id !== from && same(shapes.get(id)!, shape));
      if (partner.length > 0)
        add({ kind: 'merge', mode: pick(random, ['add', 'maximum', 'average'] as const) }, [
          from,
          pick(random, partner),
        ]);
    } else if (roll < 0.86) {
      const partner = ids.filter((id) => same(shapes.get(id)!.slice(0, -1), shape.slice(0, -1)));
      add({ kind: 'concat', axis: shape.length - 1 }, [from, pick(random, partner)]);
    } else if (roll < 0.92) {
      // A channel gate, as in squeeze-and-excitation.
      const pooled = add({ kind: 'global-pool', mode: 'avg', keepDims: true }, [from]);
      if (pooled) add({ kind: 'merge', mode: 'multiply' }, [pooled, from]);
    } else if (roll < 0.95) add({ kind: 'softmax', axis: shape.length - 1 }, [from]);
    else if (roll < 0.96) add({ kind: 'identity' }, [from]);
    else if (roll < 0.975) add(draw(random, 'lrn').op, [from]);
    // Of small tensors only: they grow up to 27 times.
    else if (roll < 0.985) {
      if (shapeSize(shape) < 300) add(drawUpsample(random, shape).op, [from]);
    } else if (nodes.length > 3) add({ kind: 'dense', units: between(random, 1, 6) }, [from]);
  }
  const consumed = new Set(nodes.flatMap(({ inputs }) => inputs));
  return {
    name: 'random-graph',
    inputs: [{ id: 'input', shape: input }],
    nodes,
    outputs: nodes.map(({ id }) => id).filter((id) => !consumed.has(id)),
  };
}

/** A random graph, and a random segment of it with a box of every tensor that is still needed behind it. */
export function randomNetworkCase(seed: number): TileCase {
  const random = seededRandom(seed);
  const graph = randomGraph(random);
  const shapes = tensorShapes(graph);
  const start = chance(random, 0.4) ? 0 : random.integer(graph.nodes.length);
  const end = between(random, start + 1, graph.nodes.length);
  const later = new Set([...graph.nodes.slice(end).flatMap(({ inputs }) => inputs), ...graph.outputs]);
  const outputs = graph.nodes
    .slice(start, end)
    .filter(({ id }) => later.has(id))
    .map(({ id }) => ({ tensor: id, box: randomBox(random, shapes.get(id)!, 0.05) }));
  const request: TileRequest = { ops: [start, end], outputs };
  return {
    graph,
    weights: randomWeights(random, graph),
    inputs: randomInputs(random, graph),
    request,
    description: describe(seed, graph, request),
  };
}

/** Runs one tile: every buffer that the program asks for is cropped from whole tensors, and nothing else is given. */
export async function runTile(
  engine: Engine,
  graph: Graph,
  request: TileRequest,
  tensors: Tensors,
  weights: Tensors,
): Promise<readonly Float32Array[]> {
  const shapes = tensorShapes(graph);
  const kernels = weightShapes(graph);
  const program = compileTile(graph, request);
  const crop = (whole: Float32Array, shape: Shape, box: Box): Float32Array => {
    checkBox(box, shape, 'a box that a tile asks for');
    return isEmpty(box) ? new Float32Array(0) : cropRegion(whole, fullBox(shape), box);
  };
  const tile = await engine.load(
    program,
    program.weights.map(({ name, box }) => crop(weights.get(name)!, kernels.get(name)!, box)),
  );
  const result = await tile.run(
    program.inputs.map(({ tensor, box }) => crop(tensors.get(tensor)!, shapes.get(tensor)!, box)),
  );
  await tile.dispose();
  return result.outputs;
}

/** Every tensor of the graph, computed whole in one tile. */
export async function runWhole(
  engine: Engine,
  graph: Graph,
  inputs: Tensors,
  weights: Tensors,
): Promise<Tensors> {
  const shapes = tensorShapes(graph);
  const outputs = graph.nodes.map(({ id }) => ({ tensor: id, box: fullBox(shapes.get(id)!) }));
  const results = await runTile(engine, graph, { ops: [0, graph.nodes.length], outputs }, inputs, weights);
  return new Map([...inputs, ...outputs.map(({ tensor }, index) => [tensor, results[index]!] as const)]);
}

export function maxAbs(values: Float32Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** Largest |a − b|; Infinity where lengths differ, where either is not a number, or where one infinity meets another value. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let index = 0; index < a.length; index++) {
    if (a[index] === b[index]) continue;
    const difference = Math.abs(a[index]! - b[index]!);
    if (!Number.isFinite(difference)) return Infinity;
    largest = Math.max(largest, difference);
  }
  return largest;
}
