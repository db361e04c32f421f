import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { fullBox, shapeSize, type Shape } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { ActivationFunction, ConvOp, Op, OpKind } from '../../../src/graph/op.ts';
import { definitionOf } from '../../../src/graph/ops/index.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { largestDifference, maxAbs, randomOpCase, runWhole } from '../../support/random-ops.ts';
import { fieldOf, naiveConv, naiveOther, naivePool, tabulate } from './naive.ts';

const engine = createReferenceEngine();

interface Given {
  readonly shape: Shape;
  readonly values: readonly number[];
}

/** One op on given numbers. */
async function apply(
  op: Op,
  inputs: readonly Given[],
  weights: Readonly<Record<string, readonly number[]>> = {},
): Promise<number[]> {
  const graph: Graph = {
    name: 'one-op',
    inputs: inputs.map(({ shape }, index) => ({ id: `in${index}`, shape })),
    nodes: [
      {
        id: 'out',
        op,
        inputs: inputs.map((_, index) => `in${index}`),
        weights: Object.fromEntries(Object.keys(weights).map((role) => [role, role])),
      },
    ],
    outputs: ['out'],
  };
  const tensors = new Map(inputs.map(({ values }, index) => [`in${index}`, Float32Array.from(values)]));
  const parameters = new Map(
    Object.entries(weights).map(([role, values]) => [role, Float32Array.from(values)]),
  );
  return [...(await runWhole(engine, graph, tensors, parameters)).get('out')!];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const conv2d: Omit<ConvOp, 'kernelSize' | 'outChannels'> = {
  kind: 'conv',
  strides: [1, 1],
  dilations: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ],
  groups: 1,
};

describe('reference kernels on numbers worked out by hand', () => {
  it('conv: a 2×2 kernel over a 3×3 picture', async () => {
    const op: ConvOp = { ...conv2d, kernelSize: [2, 2], outChannels: 1 };
    const result = await apply(op, [{ shape: [3, 3, 1], values: upTo(9) }], { kernel: [1, 2, 3, 4] });
    expect(result).toEqual([37, 47, 67, 77]);
  });

  it('conv: asymmetric padding, stride and dilation in one dimension', async () => {
    const op: ConvOp = {
      kind: 'conv',
      kernelSize: [2],
      strides: [2],
      dilations: [2],
      padding: [[1, 0]],
      groups: 1,
      outChannels: 1,
    };
    // Taps at −1 and 1, then at 1 and 3.
    const result = await apply(op, [{ shape: [4, 1], values: [1, 2, 3, 4] }], { kernel: [10, 1] });
    expect(result).toEqual([2, 24]);
  });

  it('conv: two groups, two output channels each', async () => {
    const op: ConvOp = { ...conv2d, kernelSize: [1, 1], groups: 2, outChannels: 4 };
    const result = await apply(op, [{ shape: [1, 1, 4], values: [1, 10, 100, 1000] }], {
      // Kernel [1, 1, 2, 4]: rows are the channels of the group, columns the output channels.
      kernel: [1, 2, 3, 4, 5, 6, 7, 8],
    });
    expect(result).toEqual([51, 62, 7300, 8400]);
  });

  it('conv: depthwise in three dimensions keeps channels apart', async () => {
    const op: ConvOp = {
      kind: 'conv',
      kernelSize: [2, 1, 1],
      strides: [1, 1, 1],
      dilations: [1, 1, 1],
      padding: [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      groups: 2,
      outChannels: 2,
    };
    const result = await apply(op, [{ shape: [2, 1, 1, 2], values: [1, 2, 3, 4] }], {
      kernel: [1, 10, 100, 1000],
    });
    expect(result).toEqual([301, 4020]);
  });

  it('dense: contracts its whole input in row-major order', async () => {
    const result = await apply({ kind: 'dense', units: 2 }, [{ shape: [2, 1, 2], values: [1, 2, 3, 4] }], {
      kernel: [1, 0, 0, 1, 1, 0, 0, 1],
    });
    expect(result).toEqual([4, 6]);
  });

  it('max pool: padding never wins over negative activations', async () => {
    const op: Op = { kind: 'max-pool', poolSize: [2], strides: [2], padding: [[1, 1]] };
    expect(await apply(op, [{ shape: [4, 1], values: [-5, -3, -4, -9] }])).toEqual([-5, -3, -9]);
  });

  it('average pool: divides by the elements that are not padding, or by the window', async () => {
    const op = { kind: 'avg-pool', poolSize: [2], strides: [2], padding: [[1, 1]] } as const;
    const input = { shape: [4, 1], values: [2, 4, 8, 6] };
    expect(await apply({ ...op, countPadding: false }, [input])).toEqual([2, 6, 6]);
    expect(await apply({ ...op, countPadding: true }, [input])).toEqual([1, 6, 3]);
  });

  it('global pool: per channel', async () => {
    const input = { shape: [2, 1, 2], values: [1, -8, 3, -2] };
    expect(await apply({ kind: 'global-pool', mode: 'avg', keepDims: false }, [input])).toEqual([2, -5]);
    expect(await apply({ kind: 'global-pool', mode: 'max', keepDims: true }, [input])).toEqual([3, -2]);
  });

  it('merge: broadcasts axes of extent 1', async () => {
    const picture = { shape: [2, 2], values: [1, 2, 3, 4] };
    const row = { shape: [1, 2], values: [10, 20] };
    const column = { shape: [2, 1], values: [5, 7] };
    expect(await apply({ kind: 'merge', mode: 'add' }, [picture, row, column])).toEqual([16, 27, 20, 31]);
    expect(await apply({ kind: 'merge', mode: 'subtract' }, [row, column])).toEqual([5, 15, 3, 13]);
    expect(await apply({ kind: 'merge', mode: 'multiply' }, [picture, column])).toEqual([5, 10, 21, 28]);
    expect(await apply({ kind: 'merge', mode: 'maximum' }, [picture, row])).toEqual([10, 20, 10, 20]);
    expect(await apply({ kind: 'merge', mode: 'minimum' }, [picture, column])).toEqual([1, 2, 3, 4]);
    expect(await apply({ kind: 'merge', mode: 'average' }, [picture, row])).toEqual([5.5, 11, 6.5, 12]);
  });

  it('concat, pad, reshape, identity', async () => {
    const left = { shape: [2, 1], values: [1, 2] };
    const right = { shape: [2, 2], values: [3, 4, 5, 6] };
    expect(await apply({ kind: 'concat', axis: 1 }, [left, right])).toEqual([1, 3, 4, 2, 5, 6]);
    const pad: Op = {
      kind: 'pad',
      padding: [
        [1, 0],
        [0, 1],
      ],
      value: 9,
    };
    expect(await apply(pad, [left])).toEqual([9, 9, 1, 9, 2, 9]);
    expect(await apply({ kind: 'reshape', shape: [4] }, [right])).toEqual([3, 4, 5, 6]);
    expect(await apply({ kind: 'identity' }, [right])).toEqual([3, 4, 5, 6]);
  });

  it('bias and batch norm run along the last axis', async () => {
    const input = { shape: [2, 2], values: [1, 2, 3, 4] };
    expect(await apply({ kind: 'bias' }, [input], { bias: [10, 20] })).toEqual([11, 22, 13, 24]);
    const op: Op = { kind: 'batch-norm', epsilon: 1, scale: true, center: true };
    const weights = { mean: [1, 2], variance: [3, 0], gamma: [2, 10], beta: [0, 1] };
    expect(await apply(op, [input], weights)).toEqual([0, 1, 2, 21]);
  });

  it('softmax: along its axis, without overflow', async () => {
    const ln2 = Math.log(2);
    const result = await apply({ kind: 'softmax', axis: 0 }, [
      { shape: [2, 2], values: [1000, ln2, 1000, 0] },
    ]);
    [0.5, 2 / 3, 0.5, 1 / 3].forEach((expected, index) => expect(result[index]).toBeCloseTo(expected, 6));
  });

  const table: readonly [ActivationFunction, number | undefined, readonly number[]][] = [
    // At −1, 0.5 and 8; from the closed forms.
    ['relu', undefined, [0, 0.5, 8]],
    ['relu6', undefined, [0, 0.5, 6]],
    ['leaky-relu', 0.25, [-0.25, 0.5, 8]],
    ['elu', undefined, [-0.6321206, 0.5, 8]],
    ['elu', 2, [-1.2642411, 0.5, 8]],
    ['selu', undefined, [-1.1113307, 0.525350494, 8.40560789]],
    ['sigmoid', undefined, [0.2689414, 0.6224593, 0.9996646]],
    ['hard-sigmoid', undefined, [0.3, 0.6, 1]],
    ['tanh', undefined, [-0.7615942, 0.4621172, 0.9999998]],
    ['softplus', undefined, [0.3132617, 0.974077, 8.0003354]],
    ['softsign', undefined, [-0.5, 1 / 3, 8 / 9]],
    ['swish', undefined, [-0.2689414, 0.3112297, 7.9973171]],
    ['gelu', undefined, [-0.1586553, 0.3457312, 8]],
    ['exp', undefined, [0.3678794, 1.6487213, 2980.957987]],
  ];
  it.each(table)('activation %s (alpha %s)', async (name, alpha, expected) => {
    const op: Op = { kind: 'activation', function: name, ...(alpha === undefined ? {} : { alpha }) };
    const result = await apply(op, [{ shape: [3], values: [-1, 0.5, 8] }]);
    result.forEach((value, index) =>
      expect(Math.abs(value - expected[index]!)).toBeLessThan(4e-7 * Math.max(1, Math.abs(expected[index]!))),
    );
  });
});

describe('reference kernels against definitions written as functions of the index', () => {
  it('conv', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const { graph, weights, inputs, description } = randomOpCase(seed, ['conv']);
        const op = graph.nodes[0]!.op as ConvOp;
        const shape = graph.inputs[0]!.shape;
        const { shape: kernelShape } = definitionOf(op).weightShapes(op, [shape])[0]!;
        const expected = tabulate(
          tensorShapes(graph).get('out')!,
          naiveConv(
            op,
            fieldOf(inputs.get('in0')!, shape),
            shape,
            fieldOf(weights.get('out/kernel')!, kernelShape),
          ),
        );
        const actual = (await runWhole(engine, graph, inputs, weights)).get('out')!;
        expect(largestDifference(actual, expected), description).toBeLessThanOrEqual(1e-6 * maxAbs(expected));
      }),
      runs(250),
    );
  });

  it('pools', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const { graph, weights, inputs, description } = randomOpCase(seed, ['max-pool', 'avg-pool']);
        const { op } = graph.nodes[0]!;
        if (op.kind !== 'max-pool' && op.kind !== 'avg-pool') throw new Error('not a pool');
        const shape = graph.inputs[0]!.shape;
        const expected = tabulate(
          tensorShapes(graph).get('out')!,
          naivePool(op, fieldOf(inputs.get('in0')!, shape), shape),
        );
        const actual = (await runWhole(engine, graph, inputs, weights)).get('out')!;
        expect(largestDifference(actual, expected), description).toBeLessThanOrEqual(1e-6 * maxAbs(expected));
      }),
      runs(400),
    );
  });

  const others: OpKind[] = [
    'dense',
    'bias',
    'batch-norm',
    'global-pool',
    'merge',
    'concat',
    'pad',
    'softmax',
    'lrn',
    'upsample',
  ];
  it.each(others)('%s', async (kind) => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const { graph, weights, inputs, description } = randomOpCase(seed, [kind]);
        const { op } = graph.nodes[0]!;
        const roles = definitionOf(op).weightShapes(
          op,
          graph.inputs.map(({ shape }) => shape),
        );
        const weight = (role: string) =>
          fieldOf(weights.get(`out/${role}`)!, roles.find((one) => one.role === role)!.shape);
        const operands = graph.inputs.map(({ id, shape }) => ({
          at: fieldOf(inputs.get(id)!, shape),
          shape,
        }));
        const expected = tabulate(tensorShapes(graph).get('out')!, naiveOther(op, operands, weight));
        const actual = (await runWhole(engine, graph, inputs, weights)).get('out')!;
        expect(largestDifference(actual, expected), description).toBeLessThanOrEqual(1e-6 * maxAbs(expected));
      }),
      runs(120),
    );
  });

  it('reshape and identity keep the row-major order', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const { graph, weights, inputs, description } = randomOpCase(seed, ['reshape', 'identity']);
        const actual = (await runWhole(engine, graph, inputs, weights)).get('out')!;
        expect(actual, description).toEqual(inputs.get('in0'));
      }),
      runs(200),
    );
  });
});

describe('reference engine', () => {
  const graph: Graph = {
    name: 'g',
    inputs: [{ id: 'x', shape: [4, 1] }],
    nodes: [
      { id: 'a', op: { kind: 'bias' }, inputs: ['x'], weights: { bias: 'b' } },
      { id: 'c', op: { kind: 'concat', axis: 1 }, inputs: ['a', 'x'], weights: {} },
    ],
    outputs: ['c'],
  };
  const program = compileTile(graph, {
    ops: [0, 2],
    outputs: [
      {
        tensor: 'c',
        box: [
          [0, 4],
          [0, 2],
        ],
      },
    ],
  });

  it('counts what it holds, and lets go of it', async () => {
    const own = createReferenceEngine();
    expect(await own.memory()).toEqual({ tensors: 0, bytes: 0 });
    const tile = await own.load(program, [Float32Array.of(1)]);
    expect(await own.memory()).toEqual({ tensors: 1, bytes: 4 });
    await tile.run([Float32Array.of(1, 2, 3, 4)]);
    expect(await own.memory()).toEqual({ tensors: 1, bytes: 4 });
    await tile.dispose();
    expect(await own.memory()).toEqual({ tensors: 0, bytes: 0 });
    await expect(tile.run([Float32Array.of(1, 2, 3, 4)])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });

  it('refuses buffers that are not those of the program', async () => {
    const own = createReferenceEngine();
    await expect(own.load(program, [])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await expect(own.load(program, [new Float32Array(2)])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    const tile = await own.load(program, [Float32Array.of(1)]);
    await expect(tile.run([new Float32Array(3)])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });

  it('gives outputs that share no buffer with inputs or each other', async () => {
    const box = fullBox([4, 1]);
    const both = compileTile(graph, {
      ops: [0, 1],
      outputs: [
        { tensor: 'a', box },
        { tensor: 'a', box },
      ],
    });
    const tile = await engine.load(both, [Float32Array.of(1)]);
    const input = new Float32Array(shapeSize([4, 1]));
    const { outputs } = await tile.run([input]);
    expect(new Set([input.buffer, ...outputs.map(({ buffer }) => buffer)]).size).toBe(3);
  });
});
