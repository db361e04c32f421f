import type { Graph, TensorId } from '../graph/graph.ts';
import type { Segment } from './plan.ts';

/**
 * The tensors that a run of ops makes and that are needed after it: by later ops, or as outputs of the model.
 * In topological order. A segment's tiles have one output box for each.
 */
export function liveTensors(graph: Graph, ops: Segment['ops']): TensorId[] {
  const [start, end] = ops;
  const neededLater = neededFrom(graph, end);
  return graph.nodes
    .slice(start, end)
    .map((node) => node.id)
    .filter((id) => neededLater.has(id));
}

/** The tensors made before op `index` (graph inputs included) that ops from `index` on, or the outputs, still need. */
export function tensorsAcross(graph: Graph, index: number): TensorId[] {
  const neededLater = neededFrom(graph, index);
  const made = [
    ...graph.inputs.map((input) => input.id),
    ...graph.nodes.slice(0, index).map((node) => node.id),
  ];
  return made.filter((id) => neededLater.has(id));
}

/** What ops from `index` on read, and the outputs of the model. */
function neededFrom(graph: Graph, index: number): ReadonlySet<TensorId> {
  return new Set([...graph.outputs, ...graph.nodes.slice(index).flatMap((node) => node.inputs)]);
}
