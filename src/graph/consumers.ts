import type { Graph, OpNode, TensorId } from './graph.ts';

/** Who reads each tensor: one entry per edge, in topological order. */
export function consumersOf(graph: Graph): ReadonlyMap<TensorId, readonly OpNode[]> {
  const result = new Map<TensorId, OpNode[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const known = result.get(input);
      if (known) known.push(node);
      else result.set(input, [node]);
    }
  }
  return result;
}
