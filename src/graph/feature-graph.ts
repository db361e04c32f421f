import type { Graph, TensorId } from './graph.ts';

/**
 * The part of a network that makes its features: all that the input of its last dense layer needs, which becomes the only
 * output; of a network without one, that of its last convolution. Names of tensors and weights stay, so that the same weights
 * serve, as far as they are needed. A network whose only such layer reads the input itself stays whole: its answer is all
 * that it knows.
 */
export function featureGraph(graph: Graph): Graph {
  const { labels: _, ...rest } = graph;
  const inputs = new Set(graph.inputs.map(({ id }) => id));
  const last =
    graph.nodes.findLast(({ op }) => op.kind === 'dense') ??
    graph.nodes.findLast(({ op }) => op.kind === 'conv');
  const features = last?.inputs[0];
  return features === undefined || inputs.has(features) ? rest : upTo(rest, features);
}

/** All that one tensor needs, and nothing else. */
function upTo(graph: Graph, tensor: TensorId): Graph {
  const needed = new Set<TensorId>([tensor]);
  for (const { id, inputs } of graph.nodes.toReversed()) {
    if (needed.has(id)) for (const input of inputs) needed.add(input);
  }
  return {
    ...graph,
    inputs: graph.inputs.filter(({ id }) => needed.has(id)),
    nodes: graph.nodes.filter(({ id }) => needed.has(id)),
    outputs: [tensor],
  };
}
