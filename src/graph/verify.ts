import { PeerceptronError } from '../shared/errors.ts';
import { LIMITS } from './attributes.ts';
import { formatShape, shapeSize, type Shape } from './box.ts';
import type { Graph, GraphInput, OpNode } from './graph.ts';
import { definitionOf } from './ops/index.ts';
import { inputShapes, nodeWeightShapes, tensorShapes } from './shapes.ts';

/** Caps on what a verified graph may ask of anyone: elements, and multiply-accumulates per inference. */
export const SIZE_LIMITS = {
  tensorElements: 2 ** 28,
  weightElements: 2 ** 29,
  totalWeightElements: 2 ** 33,
  totalMacs: 2 ** 46,
  edges: 200_000,
} as const;

function invalid(message: string, details: Record<string, unknown> = {}): PeerceptronError {
  return new PeerceptronError('GRAPH_INVALID', message, { details });
}

/**
 * Checks a graph whose ops have sound attributes: names, order, shapes, weights, sizes.
 * Throws `GRAPH_INVALID` or `GRAPH_SHAPE`, naming the op, the axis where there is one, and the reason.
 */
export function verifyWiring(graph: Graph): void {
  verifyNames(graph);
  for (const input of graph.inputs) verifyInput(input);
  // Throws GRAPH_SHAPE with the op's id where an op does not fit its inputs.
  const shapes = tensorShapes(graph);
  for (const [id, shape] of shapes) {
    if (shapeSize(shape) > SIZE_LIMITS.tensorElements) {
      throw new PeerceptronError(
        'GRAPH_SHAPE',
        `"${id}" has shape ${formatShape(shape)}: more than ${SIZE_LIMITS.tensorElements} elements`,
        { details: { op: id } },
      );
    }
  }
  verifyWeights(graph, shapes);
  verifyCost(graph, shapes);
  verifyLabels(graph, shapes);
}

function verifyNames(graph: Graph): void {
  if (graph.inputs.length === 0) throw invalid('the graph has no inputs');
  if (graph.nodes.length === 0) throw invalid('the graph has no ops');
  if (graph.outputs.length === 0) throw invalid('the graph has no outputs');
  const everyId = new Set<string>();
  for (const { id } of [...graph.inputs, ...graph.nodes]) {
    if (everyId.has(id)) throw invalid(`the id "${id}" is used twice; ids are unique`, { op: id });
    everyId.add(id);
  }
  let edges = 0;
  const known = new Set(graph.inputs.map(({ id }) => id));
  for (const node of graph.nodes) {
    edges += node.inputs.length;
    if (edges > SIZE_LIMITS.edges) throw invalid(`the graph has more than ${SIZE_LIMITS.edges} edges`);
    for (const input of node.inputs) {
      if (known.has(input)) continue;
      throw invalid(
        everyId.has(input)
          ? `op "${node.id}" takes "${input}", which comes no earlier; sort the ops topologically`
          : `op "${node.id}" takes "${input}", which does not exist`,
        { op: node.id },
      );
    }
    known.add(node.id);
  }
  const made = new Set(graph.nodes.map(({ id }) => id));
  if (new Set(graph.outputs).size !== graph.outputs.length) throw invalid('an output is listed twice');
  for (const output of graph.outputs) {
    if (!made.has(output)) throw invalid(`the output "${output}" is not an op of the graph`);
  }
}

function verifyInput({ id, shape, image }: GraphInput): void {
  const legal =
    shape.length >= 1 &&
    shape.length <= LIMITS.rank &&
    shape.every((extent) => Number.isInteger(extent) && extent >= 1 && extent <= LIMITS.extent);
  if (!legal) {
    throw new PeerceptronError(
      'GRAPH_SHAPE',
      `input "${id}": ${formatShape(shape)} is no shape; use 1 to ${LIMITS.rank} extents from 1 to ${LIMITS.extent}, without a batch axis`,
      { details: { op: id } },
    );
  }
  if (!image) return;
  const channels = image.channels === 'gray' ? 1 : 3;
  if (
    (shape.length !== 3 && shape.length !== 4) ||
    shape.at(-1) !== channels ||
    image.scale.length !== channels ||
    image.offset.length !== channels
  ) {
    throw invalid(
      `input "${id}": a ${image.channels} image takes the shape [height, width, ${channels}] (a clip [frames, height, width, ${channels}]) and ${channels} scales and offsets`,
      { op: id },
    );
  }
}

function verifyWeights(graph: Graph, shapes: ReadonlyMap<string, Shape>): void {
  const known = new Map<string, { readonly shape: Shape; readonly op: string }>();
  let total = 0;
  for (const node of graph.nodes) {
    const wanted = nodeWeightShapes(node, shapes);
    verifyRoles(
      node,
      wanted.map(({ role }) => role),
    );
    for (const { role, shape } of wanted) {
      const name = node.weights[role]!;
      if (shapeSize(shape) > SIZE_LIMITS.weightElements) {
        throw new PeerceptronError(
          'GRAPH_SHAPE',
          `op "${node.id}": its ${role} ${formatShape(shape)} has more than ${SIZE_LIMITS.weightElements} elements`,
          { details: { op: node.id } },
        );
      }
      const other = known.get(name);
      if (!other) {
        known.set(name, { shape, op: node.id });
        total += shapeSize(shape);
      } else if (formatShape(other.shape) !== formatShape(shape)) {
        throw new PeerceptronError(
          'GRAPH_SHAPE',
          `op "${node.id}" wants the weight "${name}" as ${formatShape(shape)}, op "${other.op}" as ${formatShape(other.shape)}; give one of them another name`,
          { details: { op: node.id, weight: name } },
        );
      }
    }
  }
  if (total > SIZE_LIMITS.totalWeightElements) throw invalid(`the graph has ${total} parameters: too many`);
}

function verifyRoles(node: OpNode, roles: readonly string[]): void {
  for (const role of roles) {
    if (!Object.hasOwn(node.weights, role)) {
      throw invalid(`op "${node.id}" (${node.op.kind}) needs a weight for the role "${role}"`, {
        op: node.id,
      });
    }
  }
  for (const role of Object.keys(node.weights)) {
    if (!roles.includes(role)) {
      throw invalid(
        `op "${node.id}" (${node.op.kind}) has no weight of the role "${role}"; it takes ${roles.join(', ') || 'none'}`,
        { op: node.id },
      );
    }
  }
}

function verifyCost(graph: Graph, shapes: ReadonlyMap<string, Shape>): void {
  let macs = 0;
  for (const node of graph.nodes) {
    const output = shapes.get(node.id)!.map((extent) => [0, extent] as const);
    macs += definitionOf(node.op).cost(node.op, inputShapes(node, shapes), output).macs;
  }
  if (!(macs <= SIZE_LIMITS.totalMacs)) {
    throw invalid(`one inference takes ${macs} multiply-accumulates: more than ${SIZE_LIMITS.totalMacs}`);
  }
}

function verifyLabels(graph: Graph, shapes: ReadonlyMap<string, Shape>): void {
  if (!graph.labels) return;
  const classes = graph.outputs.length === 1 ? shapeSize(shapes.get(graph.outputs[0]!)!) : undefined;
  if (classes !== graph.labels.length) {
    throw invalid(
      `${graph.labels.length} labels do not name the classes of ${classes === undefined ? `${graph.outputs.length} outputs` : `an output of ${classes} elements`}`,
    );
  }
}
