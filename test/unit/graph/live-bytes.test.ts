import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { liveBytes } from '../../../src/graph/live-bytes.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import { Chain } from '../../support/small-networks.ts';

const whole = (graph: Graph): number => {
  const shapes = tensorShapes(graph);
  const outputs = graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
  return liveBytes(compileTile(graph, { ops: [0, graph.nodes.length], outputs }));
};

describe('what a tile has at a time', () => {
  it('is the largest step with what it reads, and not all that is ever made', () => {
    // 8 × 8 × 2, then twice 8 × 8 × 16 with bias and relu, which are part of the convolution.
    const graph = new Chain([8, 8, 2])
      .conv('a', 3, 16, 1)
      .relu('a/relu')
      .conv('b', 3, 16, 1)
      .relu('b/relu')
      .conv('c', 3, 4, 1)
      .graph('chain');
    expect(whole(graph)).toBe(4 * (8 * 8 * 16 + 8 * 8 * 16));
  });

  it('counts what waits for a later step, and what is a result', () => {
    const relu = { kind: 'activation', function: 'tanh' } as const;
    const graph: Graph = {
      name: 'shortcut',
      inputs: [{ id: 'x', shape: [100] }],
      nodes: [
        { id: 'a', op: relu, inputs: ['x'], weights: {} },
        { id: 'b', op: relu, inputs: ['a'], weights: {} },
        { id: 'sum', op: { kind: 'merge', mode: 'add' }, inputs: ['x', 'b'], weights: {} },
      ],
      outputs: ['sum'],
    };
    // x, a and b at once, and one more that the function may make meanwhile.
    expect(whole(graph)).toBe(4 * 400);
    expect(whole({ ...graph, outputs: ['a', 'b', 'sum'] })).toBe(4 * 400);
  });
});
