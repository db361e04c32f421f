import { fullBox, shapeSize } from '../graph/box.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { tensorShapes, weightShapes } from '../graph/shapes.ts';
import { compileTile } from '../graph/tile-program.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import { seededRandom } from '../shared/random.ts';
import type { Accuracy } from '../shared/accuracy.ts';
import type { Engine } from './engine.ts';
import { createReferenceEngine } from './reference.ts';

/** Relative to the largest value of a tensor. */
const TOLERANCE: { readonly [A in Accuracy]: number } = { f32: 1e-4, f16: 2e-2 };

export type SelfTestResult = { readonly passed: true } | { readonly passed: false; readonly reason: string };

const none = [0, 0] as const;
const one = [1, 1] as const;

function node(id: string, input: string | readonly string[], op: Op, roles: readonly string[] = []): OpNode {
  return {
    id,
    op,
    inputs: typeof input === 'string' ? [input] : input,
    weights: Object.fromEntries(roles.map((role) => [role, `${id}/${role}`])),
  };
}

const convolution = { kind: 'conv', strides: [1, 1], dilations: [1, 1] } as const;

/** Every family of kernels that models lean on, and the functions (exp, erf, tanh, division) that some GPUs get wrong. */
const graph: Graph = {
  name: 'self-test',
  inputs: [{ id: 'x', shape: [13, 11, 3] }],
  nodes: [
    node(
      'conv',
      'x',
      { ...convolution, kernelSize: [3, 3], padding: [[0, 1], one], strides: [2, 1], groups: 1, outChannels: 8 }, // prettier-ignore
      ['kernel'],
    ),
    node('bias', 'conv', { kind: 'bias' }, ['bias']),
    node('relu', 'bias', { kind: 'activation', function: 'relu' }),
    node(
      'depthwise',
      'relu',
      { ...convolution, kernelSize: [3, 3], padding: [one, one], groups: 8, outChannels: 8 },
      ['kernel'],
    ),
    node('norm', 'depthwise', { kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true }, [
      'mean',
      'variance',
      'gamma',
      'beta',
    ]),
    node('swish', 'norm', { kind: 'activation', function: 'swish' }),
    node(
      'pointwise',
      'swish',
      { ...convolution, kernelSize: [1, 1], padding: [none, none], groups: 1, outChannels: 8 },
      ['kernel'],
    ),
    node('sum', ['pointwise', 'relu'], { kind: 'merge', mode: 'add' }),
    node('max', 'sum', { kind: 'max-pool', poolSize: [2, 2], strides: [2, 2], padding: [none, [0, 1]] }), // prettier-ignore
    node('average', 'sum', { kind: 'avg-pool', poolSize: [3, 3], strides: [2, 2], padding: [one, one], countPadding: false }), // prettier-ignore
    node('tanh', 'average', { kind: 'activation', function: 'tanh' }),
    node('gelu', 'average', { kind: 'activation', function: 'gelu' }),
    node('softsign', 'average', { kind: 'activation', function: 'softsign' }),
    node('dense', 'max', { kind: 'dense', units: 10 }, ['kernel']),
    node('softmax', 'dense', { kind: 'softmax', axis: 0 }),
    node('mean', 'sum', { kind: 'global-pool', mode: 'avg', keepDims: false }),
  ],
  outputs: ['bias', 'sum', 'max', 'tanh', 'gelu', 'softsign', 'dense', 'softmax', 'mean'],
};

/**
 * Computes a small fixed network and compares it with plain loops. Some GPUs and drivers return wrong numbers without
 * an error, so a peer checks its engine before it offers it.
 */
export async function selfTest(engine: Engine): Promise<SelfTestResult> {
  try {
    const expected = await compute(createReferenceEngine());
    const actual = await compute(engine);
    for (const [index, id] of graph.outputs.entries()) {
      const reason = difference(id, actual[index]!, expected[index]!, TOLERANCE[engine.accuracy]);
      if (reason) return { passed: false, reason };
    }
    return { passed: true };
  } catch (error) {
    return { passed: false, reason: toPeerceptronError(error).message };
  }
}

async function compute(engine: Engine): Promise<readonly Float32Array[]> {
  const shapes = tensorShapes(graph);
  const program = compileTile(graph, {
    ops: [0, graph.nodes.length],
    outputs: graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) })),
  });
  const random = seededRandom(1901);
  const whole = weightShapes(graph);
  const weights = program.weights.map(({ name }) =>
    Float32Array.from({ length: shapeSize(whole.get(name)!) }, () =>
      name.endsWith('variance') ? 0.5 + random.next() : random.normal() / 2,
    ),
  );
  const picture = Float32Array.from({ length: shapeSize(shapes.get('x')!) }, () => random.normal());
  const tile = await engine.load(program, weights);
  try {
    return (await tile.run([picture])).outputs;
  } finally {
    await tile.dispose();
  }
}

function difference(
  id: string,
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
): string | undefined {
  let largest = 0;
  for (const value of expected) largest = Math.max(largest, Math.abs(value));
  for (const [index, value] of expected.entries()) {
    // Written so that NaN fails.
    if (!(Math.abs(actual[index]! - value) <= tolerance * largest)) {
      return `wrong numbers: element ${index} of ${id} is ${actual[index]} instead of ${value}`;
    }
  }
  return undefined;
}
