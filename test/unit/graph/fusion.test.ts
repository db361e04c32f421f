import { describe, expect, it } from 'vitest';
import { fuseSteps } from '../../../src/graph/fusion.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { Op } from '../../../src/graph/op.ts';
import { compileTile, type TileRequest } from '../../../src/graph/tile-program.ts';

const dense: Op = { kind: 'dense', units: 4 };
const relu: Op = { kind: 'activation', function: 'relu' };

function graphOf(
  nodes: readonly (readonly [
    id: string,
    op: Op,
    inputs: readonly string[],
    weights?: Record<string, string>,
  ])[],
  outputs: readonly string[],
): Graph {
  return {
    name: 'fusion',
    inputs: [{ id: 'x', shape: [3] }],
    nodes: nodes.map(([id, op, inputs, weights = {}]) => ({ id, op, inputs, weights })),
    outputs,
  };
}

const linear = [
  ['dense', dense, ['x'], { kernel: 'k' }],
  ['bias', { kind: 'bias' }, ['dense'], { bias: 'b' }],
] as const;

const wanted = (graph: Graph, ...tensors: string[]): TileRequest => ({
  ops: [0, graph.nodes.length],
  outputs: tensors.map((tensor) => ({ tensor, box: [[0, 4]] })),
});

/** What is left of a program: per step its node, what was fused into it, and its slot (the input has slot 0). */
const summary = (graph: Graph, request: TileRequest) =>
  fuseSteps(compileTile(graph, request)).map(({ step, epilogue, slot }) => [
    step.node,
    epilogue.bias !== undefined,
    epilogue.activation,
    slot,
  ]);

describe('fuseSteps', () => {
  it('joins a dense layer with its bias and relu', () => {
    const graph = graphOf([...linear, ['relu', relu, ['bias']]], ['relu']);
    expect(summary(graph, wanted(graph, 'relu'))).toEqual([['dense', true, 'relu', 3]]);
  });

  it('joins an activation without a bias, but no other function than relu and relu6', () => {
    const bare = graphOf([linear[0], ['relu', { ...relu, function: 'relu6' }, ['dense']]], ['relu']);
    expect(summary(bare, wanted(bare, 'relu'))).toEqual([['dense', false, 'relu6', 2]]);
    const tanh = graphOf([...linear, ['tanh', { kind: 'activation', function: 'tanh' }, ['bias']]], ['tanh']);
    expect(summary(tanh, wanted(tanh, 'tanh'))).toEqual([
      ['dense', true, undefined, 2],
      ['tanh', false, undefined, 3],
    ]);
  });

  it('keeps what is an output apart', () => {
    const graph = graphOf([...linear, ['relu', relu, ['bias']]], ['relu']);
    expect(summary(graph, wanted(graph, 'dense', 'relu'))).toEqual([
      ['dense', false, undefined, 1],
      ['bias', false, undefined, 2],
      ['relu', false, undefined, 3],
    ]);
    expect(summary(graph, wanted(graph, 'bias', 'relu'))).toEqual([
      ['dense', true, undefined, 2],
      ['relu', false, undefined, 3],
    ]);
  });

  it('keeps apart what two ops read', () => {
    const graph = graphOf(
      [...linear, ['relu', relu, ['bias']], ['sum', { kind: 'merge', mode: 'add' }, ['relu', 'bias']]],
      ['sum'],
    );
    expect(summary(graph, wanted(graph, 'sum'))).toEqual([
      ['dense', true, undefined, 2],
      ['relu', false, undefined, 3],
      ['sum', false, undefined, 4],
    ]);
  });

  it('keeps apart what one op reads twice', () => {
    const graph = graphOf([linear[0], ['sum', { kind: 'merge', mode: 'add' }, ['dense', 'dense']]], ['sum']);
    expect(summary(graph, wanted(graph, 'sum'))).toHaveLength(2);
  });

  it('fuses into a partial sum nothing', () => {
    const graph = graphOf([linear[0]], ['dense']);
    const program = compileTile(graph, { ...wanted(graph, 'dense'), reduce: [[0, 2]] });
    expect(fuseSteps(program)[0]!.epilogue).toEqual({});
  });
});
