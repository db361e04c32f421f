import type { Engine, TileResult } from '../../src/engine/engine.ts';
import { fullBox, shapeSize, type Box, type Shape } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import type { Op } from '../../src/graph/op.ts';
import { cropRegion } from '../../src/graph/region-copy.ts';
import { tensorShapes, weightShapes } from '../../src/graph/shapes.ts';
import { compileTile, type TileProgram, type TileRequest } from '../../src/graph/tile-program.ts';
import { seededRandom, type Random } from '../../src/shared/random.ts';

/** Whole tensors by name, row-major. */
export type Values = ReadonlyMap<string, Float32Array>;

/** A graph of one op over inputs `x0`, `x1`, …; its weights are named by their roles. */
export function singleOpGraph(op: Op, inputs: readonly Shape[], roles: readonly string[] = []): Graph {
  return {
    name: op.kind,
    inputs: inputs.map((shape, index) => ({ id: `x${index}`, shape })),
    nodes: [
      {
        id: 'y',
        op,
        inputs: inputs.map((_, index) => `x${index}`),
        weights: Object.fromEntries(roles.map((role) => [role, role])),
      },
    ],
    outputs: ['y'],
  };
}

/** A graph in which each op feeds the next; weights are named `<node>/<role>`. */
export function chainGraph(
  input: Shape,
  ops: readonly (readonly [op: Op, roles?: readonly string[]])[],
): Graph {
  return {
    name: 'chain',
    inputs: [{ id: 'x0', shape: input }],
    nodes: ops.map(([op, roles = []], index) => ({
      id: `n${index}`,
      op,
      inputs: [index === 0 ? 'x0' : `n${index - 1}`],
      weights: Object.fromEntries(roles.map((role) => [role, `n${index}/${role}`])),
    })),
    outputs: [`n${ops.length - 1}`],
  };
}

/** The request for the whole graph, or for `box` of its only output. */
export function wholeRequest(graph: Graph, box?: Box, reduce?: Box): TileRequest {
  const shapes = tensorShapes(graph);
  return {
    ops: [0, graph.nodes.length],
    outputs: graph.outputs.map((tensor) => ({ tensor, box: box ?? fullBox(shapes.get(tensor)!) })),
    ...(reduce ? { reduce } : {}),
  };
}

/** Normal values, or positive ones where a weight is a variance. */
export function randomValues(
  shapes: Iterable<readonly [string, Shape]>,
  random: Random,
): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const positive = /variance/.test(name);
    values.set(
      name,
      Float32Array.from({ length: shapeSize(shape) }, () =>
        positive ? 0.5 + random.next() : random.normal(),
      ),
    );
  }
  return values;
}

export function randomTensors(graph: Graph, seed: number): { inputs: Values; weights: Values } {
  const random = seededRandom(seed);
  return {
    inputs: randomValues(
      graph.inputs.map((input) => [input.id, input.shape] as const),
      random,
    ),
    weights: randomValues(weightShapes(graph), random),
  };
}

export function programWeights(graph: Graph, program: TileProgram, weights: Values): Float32Array[] {
  const shapes = weightShapes(graph);
  return program.weights.map(({ name, box }) =>
    cropRegion(weights.get(name)!, fullBox(shapes.get(name)!), box),
  );
}

export function programInputs(graph: Graph, program: TileProgram, tensors: Values): Float32Array[] {
  const shapes = tensorShapes(graph);
  return program.inputs.map(({ tensor, box }) =>
    cropRegion(tensors.get(tensor)!, fullBox(shapes.get(tensor)!), box),
  );
}

/** Loads, runs once and disposes. */
export async function runTile(
  engine: Engine,
  graph: Graph,
  request: TileRequest,
  tensors: { readonly inputs: Values; readonly weights: Values },
): Promise<TileResult> {
  const program = compileTile(graph, request);
  const tile = await engine.load(program, programWeights(graph, program, tensors.weights));
  try {
    return await tile.run(programInputs(graph, program, tensors.inputs));
  } finally {
    await tile.dispose();
  }
}

/** Throws unless `actual` is `expected` within `tolerance` times its largest value (at least 1). */
export function assertClose(
  actual: Float32Array,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements instead of ${expected.length}`);
  }
  let scale = 1;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    // Written so that NaN fails.
    if (!(Math.abs(actual[i]! - expected[i]!) <= tolerance * scale)) {
      throw new Error(`${what}: element ${i} is ${actual[i]}, not ${expected[i]}`);
    }
  }
}
