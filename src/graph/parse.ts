import * as v from 'valibot';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { finiteSchema, LIMITS, shapeSchema } from './attributes.ts';
import type { Graph, GraphInput, ImageEncoding, OpNode } from './graph.ts';
import type { Op } from './op.ts';
import { parseOp } from './ops/index.ts';
import { verifyWiring } from './verify.ts';

/** Caps on the lists and names of a graph from outside; `LIMITS` in attributes.ts caps what is inside an op. */
export const GRAPH_LIMITS = {
  nodes: 20_000,
  inputs: 64,
  outputs: 1_000,
  roles: 8,
  nameLength: 200,
  labels: 100_000,
} as const;

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(GRAPH_LIMITS.nameLength));

/** The length is checked before the items are: a list of a million entries costs nothing. */
const list = <S extends v.GenericSchema>(item: S, minimum: number, maximum: number) =>
  v.pipe(v.array(v.unknown()), v.minLength(minimum), v.maxLength(maximum), v.array(item));

const perChannel = list(finiteSchema, 1, 4);
const imageSchema = v.strictObject({
  channels: v.picklist(['rgb', 'bgr', 'gray']),
  scale: perChannel,
  offset: perChannel,
});

const graphSchema = v.strictObject({
  name,
  inputs: list(
    v.strictObject({ id: name, shape: shapeSchema, image: v.exactOptional(imageSchema) }),
    1,
    GRAPH_LIMITS.inputs,
  ),
  nodes: list(
    v.strictObject({
      id: name,
      op: v.unknown(),
      inputs: list(name, 1, LIMITS.nodeInputs),
      weights: v.pipe(
        v.record(v.string(), v.unknown()),
        v.maxEntries(GRAPH_LIMITS.roles),
        v.record(v.pipe(v.string(), v.maxLength(GRAPH_LIMITS.nameLength)), name),
      ),
    }),
    1,
    GRAPH_LIMITS.nodes,
  ),
  outputs: list(name, 1, GRAPH_LIMITS.outputs),
  labels: v.exactOptional(
    list(v.pipe(v.string(), v.maxLength(GRAPH_LIMITS.nameLength)), 1, GRAPH_LIMITS.labels),
  ),
});

/**
 * A graph from outside (a file, a peer), checked down to its last attribute and shape.
 *
 * Throws `GRAPH_INVALID`, `GRAPH_SHAPE` or `OP_UNSUPPORTED`, naming the place; takes time linear in the size of `raw`.
 */
export function parseGraph(raw: unknown): Graph {
  const result = v.safeParse(graphSchema, raw);
  if (!result.success) {
    const issue = result.issues[0];
    const path = v.getDotPath(issue) ?? '(the graph itself)';
    throw new PeerceptronError('GRAPH_INVALID', `graph: ${path}: ${issue.message}`, { details: { path } });
  }
  const { nodes, ...rest } = result.output;
  const graph: Graph = {
    ...rest,
    inputs: rest.inputs.map((input): GraphInput => ({ ...input, ...imageOf(input.image) })),
    nodes: nodes.map((node): OpNode => ({ ...node, op: nodeOp(node.id, node.op) })),
  };
  verifyWiring(graph);
  return graph;
}

/** Throws what `parseGraph` throws: for graphs that a program has built. */
export function verifyGraph(graph: Graph): void {
  for (const { id, op } of graph.nodes) nodeOp(id, op);
  verifyWiring(graph);
}

/** The JSON of a graph; `parseGraph(JSON.parse(text))` gives it back. */
export const serializeGraph = (graph: Graph): string => JSON.stringify(graph);

const imageOf = (image: ImageEncoding | undefined): { image?: ImageEncoding } => (image ? { image } : {});

function nodeOp(id: string, raw: unknown): Op {
  try {
    return parseOp(raw);
  } catch (thrown) {
    const error = toPeerceptronError(thrown);
    throw new PeerceptronError(error.code, `op "${id}": ${error.message}`, {
      cause: thrown,
      details: { ...error.details, op: id },
    });
  }
}
