import type { Graph, TensorId } from '../graph/graph.ts';
import type { Segment } from './plan.ts';

/**
 * The tensors that a run of ops makes and that are needed after it: by later ops, or as outputs of the model.
 * In topological order. A segment's tiles have one output box for each.
 */
export function liveTensors(graph: Graph, ops: Segment['ops']): TensorId[] {
  const [start, end] = ops;
  const neededLater = new Set<TensorId>(graph.outputs);
  for (const node of graph.nodes.slice(end)) for (const input of node.inputs) neededLater.add(input);
  return graph.nodes
    .slice(start, end)
    .map((node) => node.id)
    .filter((id) => neededLater.has(id));
}

/** The tensors made before op `index` (graph inputs included) that ops from `index` on, or the outputs, still need. */
export function tensorsAcross(graph: Graph, index: number): TensorId[] {
  const neededLater = new Set<TensorId>(graph.outputs);
  for (const node of graph.nodes.slice(index)) for (const input of node.inputs) neededLater.add(input);
  const made = [
    ...graph.inputs.map((input) => input.id),
    ...graph.nodes.slice(0, index).map((node) => node.id),
  ];
  return made.filter((id) => neededLater.has(id));
}
