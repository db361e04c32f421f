import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { Shape } from './box.ts';
import type { Graph, OpNode, TensorId } from './graph.ts';
import type { WeightShape } from './op.ts';
import { definitionOf } from './ops/index.ts';

const cache = new WeakMap<Graph, ReadonlyMap<TensorId, Shape>>();

/** The shape of every tensor of the graph. Throws `GRAPH_SHAPE` where an op does not fit its inputs. */
export function tensorShapes(graph: Graph): ReadonlyMap<TensorId, Shape> {
  const known = cache.get(graph);
  if (known) return known;
  const shapes = new Map<TensorId, Shape>(graph.inputs.map((input) => [input.id, input.shape]));
  for (const node of graph.nodes) {
    shapes.set(node.id, outputShape(node, inputShapes(node, shapes)));
  }
  cache.set(graph, shapes);
  return shapes;
}

/** `OpDefinition.outputShape`, with the op's id in front of the error. */
function outputShape(node: OpNode, inputs: readonly Shape[]): Shape {
  try {
    return definitionOf(node.op).outputShape(node.op, inputs);
  } catch (thrown) {
    const error = toPeerceptronError(thrown);
    throw new PeerceptronError(error.code, `op "${node.id}": ${error.message}`, {
      cause: thrown,
      details: { ...error.details, op: node.id },
    });
  }
}

export function inputShapes(node: OpNode, shapes: ReadonlyMap<TensorId, Shape>): Shape[] {
  return node.inputs.map((id) => shapes.get(id)!);
}

/** Every weight tensor that the graph names, with the shape that its op wants; shared ones once. */
export function weightShapes(graph: Graph): ReadonlyMap<string, Shape> {
  const shapes = tensorShapes(graph);
  const result = new Map<string, Shape>();
  for (const node of graph.nodes) {
    for (const { role, shape } of nodeWeightShapes(node, shapes)) result.set(node.weights[role]!, shape);
  }
  return result;
}

export function nodeWeightShapes(node: OpNode, shapes: ReadonlyMap<TensorId, Shape>): readonly WeightShape[] {
  return definitionOf(node.op).weightShapes(node.op, inputShapes(node, shapes));
}
