import type { Graph, OpNode } from '../src/graph/graph.ts';

/** Input and output of every layer. */
export const SHAPE = [14, 14, 256] as const;

/** So many equal 3×3 convolutions, each with a ReLU: 0.116 GMAC, 2.4 MB of weights and 0.2 MB of output each. */
export function equalConvolutions(name: string, count: number): Graph {
  const nodes: OpNode[] = [];
  let last = 'in';
  for (let index = 0; index < count; index += 1) {
    const conv = `conv${index}`;
    nodes.push({
      id: conv,
      op: {
        kind: 'conv',
        kernelSize: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        padding: [
          [1, 1],
          [1, 1],
        ],
        groups: 1,
        outChannels: SHAPE[2],
      },
      inputs: [last],
      weights: { kernel: `${conv}/kernel` },
    });
    last = `relu${index}`;
    nodes.push({ id: last, op: { kind: 'activation', function: 'relu' }, inputs: [conv], weights: {} });
  }
  return { name, inputs: [{ id: 'in', shape: SHAPE }], nodes, outputs: [last] };
}
