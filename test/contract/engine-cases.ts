import type { Box, Shape } from '../../src/graph/box.ts';
import type { ActivationFunction, Op } from '../../src/graph/op.ts';

/** One op, small enough to be worked out by hand. */
export interface EngineCase {
  readonly title: string;
  readonly op: Op;
  readonly inputs: readonly { readonly shape: Shape; readonly values: readonly number[] }[];
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  readonly box?: Box;
  readonly reduce?: Box;
  readonly expected: readonly number[];
}

const count = (length: number, start = 1): number[] => Array.from({ length }, (_, i) => start + i);
const ones = (length: number): number[] => Array<number>(length).fill(1);

const conv = (attributes: Partial<Extract<Op, { kind: 'conv' }>>): Op => ({
  kind: 'conv',
  kernelSize: [2, 2],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ],
  groups: 1,
  outChannels: 1,
  ...attributes,
});

const activation = (
  fn: ActivationFunction,
  expected: readonly number[],
  alpha?: number,
  values: readonly number[] = [-2, -0.5, 0, 1.5],
): EngineCase => ({
  title: `activation ${fn}`,
  op: { kind: 'activation', function: fn, ...(alpha === undefined ? {} : { alpha }) },
  inputs: [{ shape: [values.length], values }],
  expected,
});

const none = [0, 0] as const;

export const engineCases: readonly EngineCase[] = [
  {
    title: 'conv sums a window',
    op: conv({}),
    inputs: [{ shape: [3, 3, 1], values: count(9) }],
    weights: { kernel: [1, 2, 3, 4] },
    // 1·1 + 2·2 + 3·4 + 4·5 = 37, and so on: every step to the right adds 10.
    expected: [37, 47, 67, 77],
  },
  {
    title: 'conv pads asymmetrically',
    op: conv({ padding: [[1, 0], [0, 1]] }), // prettier-ignore
    inputs: [{ shape: [2, 2, 1], values: count(4) }],
    weights: { kernel: [1, 10, 100, 1000] },
    expected: [100 + 2000, 200, 1 + 20 + 300 + 4000, 2 + 400],
  },
  {
    title: 'conv with strides and dilations together',
    op: conv({ strides: [2, 2], dilations: [2, 2] }),
    inputs: [{ shape: [5, 5, 1], values: count(25) }],
    weights: { kernel: ones(4) },
    expected: [1 + 3 + 11 + 13, 3 + 5 + 13 + 15, 11 + 13 + 21 + 23, 13 + 15 + 23 + 25],
  },
  {
    title: 'conv in one dimension',
    op: conv({ kernelSize: [3], strides: [2], dilations: [1], padding: [[1, 1]] }),
    inputs: [{ shape: [4, 1], values: count(4) }],
    weights: { kernel: [1, 10, 100] },
    expected: [10 + 200, 2 + 30 + 400],
  },
  {
    title: 'conv in three dimensions, frames two apart',
    op: conv({ kernelSize: [2, 1, 1], strides: [1, 1, 1], dilations: [2, 1, 1], padding: [[1, 0], none, none] }), // prettier-ignore
    inputs: [{ shape: [3, 1, 1, 1], values: count(3) }],
    weights: { kernel: [1, 10] },
    // Frames −1…2 seen two apart: (pad, 2), (1, 3).
    expected: [20, 31],
  },
  {
    title: 'conv in three dimensions, with a stride in time',
    op: conv({ kernelSize: [2, 1, 1], strides: [2, 1, 1], dilations: [1, 1, 1], padding: [[0, 1], none, none] }), // prettier-ignore
    inputs: [{ shape: [3, 1, 1, 2], values: count(6) }],
    weights: { kernel: [1, 10, 100, 1000] },
    expected: [1 + 20 + 300 + 4000, 5 + 60],
  },
  {
    title: 'conv partial sum over an input channel',
    op: conv({ kernelSize: [1, 1] }),
    inputs: [{ shape: [1, 2, 3], values: count(6) }],
    weights: { kernel: [1, 10, 100] },
    reduce: [[1, 3]],
    expected: [320, 650],
  },
  {
    title: 'conv in groups, from the middle of one group into the next',
    op: conv({ kernelSize: [1, 1], groups: 2, outChannels: 4 }),
    inputs: [{ shape: [1, 1, 4], values: [1, 2, 3, 4] }],
    // [1, 1, 2, 4]: rows are a group's input channels.
    weights: { kernel: [1, 2, 3, 4, 10, 20, 30, 40] },
    box: [[0, 1], [0, 1], [1, 3]], // prettier-ignore
    expected: [2 + 40, 9 + 120],
  },
  {
    title: 'depthwise conv with a multiplier, starting inside a group',
    op: conv({ kernelSize: [1, 2], groups: 2, outChannels: 4 }),
    inputs: [{ shape: [1, 2, 2], values: [1, 2, 3, 4] }],
    weights: { kernel: [1, 2, 3, 4, 10, 20, 30, 40] },
    box: [[0, 1], [0, 1], [1, 4]], // prettier-ignore
    expected: [2 + 60, 6 + 120, 8 + 160],
  },
  {
    title: 'dense over an unflattened input',
    op: { kind: 'dense', units: 2 },
    inputs: [{ shape: [1, 2, 2], values: count(4) }],
    weights: { kernel: [1, 2, 3, 4, 5, 6, 7, 8] },
    expected: [1 + 6 + 15 + 28, 2 + 8 + 18 + 32],
  },
  {
    title: 'dense partial sum, one unit',
    op: { kind: 'dense', units: 2 },
    inputs: [{ shape: [1, 2, 2], values: count(4) }],
    weights: { kernel: [1, 2, 3, 4, 5, 6, 7, 8] },
    box: [[1, 2]],
    reduce: [[0, 1], [1, 2], [0, 2]], // prettier-ignore
    expected: [18 + 32],
  },
  {
    title: 'bias, a box of channels',
    op: { kind: 'bias' },
    inputs: [{ shape: [2, 3], values: count(6) }],
    weights: { bias: [10, 20, 30] },
    box: [[0, 2], [1, 3]], // prettier-ignore
    expected: [22, 33, 25, 36],
  },
  {
    title: 'bias of five axes',
    op: { kind: 'bias' },
    inputs: [{ shape: [1, 2, 1, 3, 2], values: count(12) }],
    weights: { bias: [100, 200] },
    expected: count(12).map((value, index) => value + (index % 2 === 0 ? 100 : 200)),
  },
  {
    title: 'batch norm with gamma and beta',
    op: { kind: 'batch-norm', epsilon: 0.5, scale: true, center: true },
    inputs: [{ shape: [1, 2], values: [5, 7] }],
    weights: { mean: [1, 2], variance: [3.5, 0.5], gamma: [2, 3], beta: [10, 20] },
    expected: [14, 35],
  },
  {
    title: 'batch norm without gamma and beta',
    op: { kind: 'batch-norm', epsilon: 0, scale: false, center: false },
    inputs: [{ shape: [1, 2], values: [5, 7] }],
    weights: { mean: [1, 2], variance: [4, 25] },
    expected: [2, 1],
  },
  {
    title: 'max pool of negative values ignores its padding',
    op: { kind: 'max-pool', poolSize: [2, 2], strides: [2, 2], padding: [[1, 0], [0, 1]] }, // prettier-ignore
    inputs: [{ shape: [3, 3, 1], values: count(9).map((value) => -value) }],
    expected: [-1, -3, -4, -6],
  },
  {
    title: 'max pool in three dimensions, negative values',
    op: { kind: 'max-pool', poolSize: [2, 1, 2], strides: [2, 1, 1], padding: [[0, 1], none, [1, 0]] }, // prettier-ignore
    inputs: [{ shape: [3, 1, 2, 1], values: [-4, -3, -2, -6, -5, -1] }],
    expected: [-2, -2, -5, -1],
  },
  {
    title: 'max pool in one dimension',
    op: { kind: 'max-pool', poolSize: [2], strides: [1], padding: [[0, 0]] },
    inputs: [{ shape: [3, 1], values: [3, -1, 2] }],
    expected: [3, 2],
  },
  {
    title: 'average pool divides by what is not padding',
    op: { kind: 'avg-pool', poolSize: [2, 2], strides: [1, 1], padding: [[1, 0], [0, 1]], countPadding: false }, // prettier-ignore
    inputs: [{ shape: [2, 2, 1], values: count(4) }],
    expected: [1.5, 2, 2.5, 3],
  },
  {
    title: 'average pool divides by the whole window',
    op: { kind: 'avg-pool', poolSize: [2, 2], strides: [1, 1], padding: [[1, 0], [0, 1]], countPadding: true }, // prettier-ignore
    inputs: [{ shape: [2, 2, 1], values: count(4) }],
    expected: [0.75, 0.5, 2.5, 1.5],
  },
  {
    title: 'average pool in three dimensions',
    op: { kind: 'avg-pool', poolSize: [2, 1, 2], strides: [1, 1, 1], padding: [[1, 0], none, none], countPadding: false }, // prettier-ignore
    inputs: [{ shape: [2, 1, 2, 1], values: count(4) }],
    expected: [1.5, 2.5],
  },
  {
    title: 'global average pool',
    op: { kind: 'global-pool', mode: 'avg', keepDims: false },
    inputs: [{ shape: [2, 2, 2], values: [1, 10, 2, 20, 3, 30, 6, 60] }],
    expected: [3, 30],
  },
  {
    title: 'global maximum pool of one channel, axes kept',
    op: { kind: 'global-pool', mode: 'max', keepDims: true },
    inputs: [{ shape: [2, 1, 2, 2], values: [-1, -10, -2, -20, -3, -30, -6, -60] }],
    box: [[0, 1], [0, 1], [0, 1], [1, 2]], // prettier-ignore
    expected: [-10],
  },
  ...(
    [
      ['add', [11, 21, 32, 42]],
      ['subtract', [-9, -19, -28, -38]],
      ['multiply', [10, 20, 60, 80]],
      ['maximum', [10, 20, 30, 40]],
      ['minimum', [1, 1, 2, 2]],
      ['average', [5.5, 10.5, 16, 21]],
    ] as const
  ).map(([mode, expected]): EngineCase => ({
    title: `merge ${mode} broadcasts an axis`,
    op: { kind: 'merge', mode },
    inputs: [
      { shape: [2, 1], values: [1, 2] },
      { shape: [2, 2], values: [10, 20, 30, 40] },
    ],
    expected,
  })),
  {
    title: 'merge of three',
    op: { kind: 'merge', mode: 'average' },
    inputs: [1, 2, 6].map((value) => ({ shape: [1], values: [value] })),
    expected: [3],
  },
  {
    title: 'concat of which the box needs two of three inputs',
    op: { kind: 'concat', axis: 1 },
    inputs: [
      { shape: [2, 2], values: [1, 2, 3, 4] },
      { shape: [2, 1], values: [5, 6] },
      { shape: [2, 2], values: [7, 8, 9, 10] },
    ],
    box: [[0, 2], [2, 4]], // prettier-ignore
    expected: [5, 7, 6, 9],
  },
  {
    title: 'pad with a value, channels included',
    op: { kind: 'pad', padding: [[0, 1], [1, 0]], value: -7 }, // prettier-ignore
    inputs: [{ shape: [1, 2], values: [1, 2] }],
    expected: [-7, 1, 2, -7, -7, -7],
  },
  {
    title: 'pad of five axes',
    op: { kind: 'pad', padding: [[1, 0], none, [0, 1], none, [1, 0]], value: -7 }, // prettier-ignore
    inputs: [{ shape: [1, 1, 1, 2, 1], values: [1, 2] }],
    expected: [...Array<number>(8).fill(-7), -7, 1, -7, 2, -7, -7, -7, -7],
  },
  {
    title: 'pad: a box of padding only',
    op: { kind: 'pad', padding: [[0, 2], [0, 0]], value: 3 }, // prettier-ignore
    inputs: [{ shape: [1, 2], values: [1, 2] }],
    box: [[1, 3], [0, 1]], // prettier-ignore
    expected: [3, 3],
  },
  {
    title: 'reshape',
    op: { kind: 'reshape', shape: [3, 2] },
    inputs: [{ shape: [2, 3], values: count(6) }],
    expected: count(6),
  },
  {
    title: 'identity of a box',
    op: { kind: 'identity' },
    inputs: [{ shape: [2, 2], values: count(4) }],
    box: [[1, 2], [0, 2]], // prettier-ignore
    expected: [3, 4],
  },
  {
    title: 'softmax over the last axis',
    op: { kind: 'softmax', axis: 1 },
    inputs: [{ shape: [2, 2], values: [0, Math.log(3), 100, 100] }],
    expected: [0.25, 0.75, 0.5, 0.5],
  },
  {
    title: 'softmax over another axis',
    op: { kind: 'softmax', axis: 0 },
    inputs: [{ shape: [2, 2], values: [0, 100, Math.log(3), 100] }],
    expected: [0.25, 0.5, 0.75, 0.5],
  },
  {
    title: 'conv in three dimensions with strides and dilations together',
    op: conv({ kernelSize: [2, 1, 2], strides: [2, 1, 2], dilations: [2, 1, 3], padding: [[1, 1], none, [1, 0]] }), // prettier-ignore
    inputs: [{ shape: [3, 1, 5, 1], values: count(15) }],
    weights: { kernel: [1, 10, 100, 1000] },
    // Frames −1 and 1, then 1 and 3; columns −1 and 2, then 1 and 4: only frame 1 holds data.
    expected: [1000 * 8, 100 * 7 + 1000 * 10, 10 * 8, 7 + 10 * 10],
  },
  {
    title: 'max pool with dilation, negative values and padding',
    op: { kind: 'max-pool', poolSize: [2], strides: [1], dilations: [2], padding: [[1, 1]] },
    inputs: [{ shape: [4, 1], values: [-4, -1, -2, -3] }],
    // Places −1 and 1, 0 and 2, 1 and 3, 2 and 4.
    expected: [-1, -2, -1, -2],
  },
  {
    title: 'average pool with dilation and strides divides by what is not padding',
    op: { kind: 'avg-pool', poolSize: [2, 2], strides: [1, 2], dilations: [1, 2], padding: [none, [1, 0]], countPadding: false }, // prettier-ignore
    inputs: [{ shape: [2, 4, 1], values: count(8) }],
    // Columns −1 and 1, then 1 and 3.
    expected: [(2 + 6) / 2, (2 + 4 + 6 + 8) / 4],
  },
  {
    title: 'local response normalisation at both borders of the channels',
    op: { kind: 'lrn', radius: 1, alpha: 2, beta: 1, bias: 1 },
    inputs: [{ shape: [1, 3], values: [1, 2, 3] }],
    // Sums of squares 1 + 4, 1 + 4 + 9, 4 + 9.
    expected: [1 / 11, 2 / 29, 3 / 27],
  },
  {
    title: 'local response normalisation of a box, with the channels beside it',
    op: { kind: 'lrn', radius: 1, alpha: 1, beta: 0.75, bias: 2 },
    inputs: [{ shape: [1, 1, 4], values: [5, 1, 3, 2] }],
    box: [[0, 1], [0, 1], [2, 3]], // prettier-ignore
    // 2 + 1 + 9 + 4 = 16, and 16^¾ = 8.
    expected: [3 / 8],
  },
  {
    title: 'upsample repeats',
    op: { kind: 'upsample', factors: [2, 1], mode: 'nearest' },
    inputs: [{ shape: [2, 2, 1], values: count(4) }],
    expected: [1, 2, 1, 2, 3, 4, 3, 4],
  },
  {
    title: 'upsample repeats, a box that starts inside a repeated element',
    op: { kind: 'upsample', factors: [3, 2], mode: 'nearest' },
    inputs: [{ shape: [2, 2, 1], values: count(4) }],
    box: [[2, 4], [1, 3], [0, 1]], // prettier-ignore
    expected: [1, 2, 3, 4],
  },
  {
    title: 'upsample linearly by half pixels',
    op: { kind: 'upsample', factors: [2], mode: 'linear', coordinates: 'half-pixel' },
    inputs: [{ shape: [3, 1], values: [0, 4, 8] }],
    expected: [0, 1, 3, 5, 7, 8],
  },
  {
    title: 'upsample linearly with aligned corners, a box',
    op: { kind: 'upsample', factors: [2, 1], mode: 'linear', coordinates: 'align-corners' },
    inputs: [{ shape: [2, 1, 1], values: [0, 3] }],
    box: [[1, 4], [0, 1], [0, 1]], // prettier-ignore
    expected: [1, 2, 3],
  },
  {
    title: 'upsample linearly from the left',
    op: { kind: 'upsample', factors: [2], mode: 'linear', coordinates: 'asymmetric' },
    inputs: [{ shape: [2, 1], values: [0, 4] }],
    expected: [0, 2, 4, 4],
  },
  activation('relu', [0, 0, 0, 1.5]),
  activation('relu6', [0, 0, 6, 2], undefined, [-2, 0, 9, 2]),
  activation('leaky-relu', [-0.6, -0.15, 0, 1.5], 0.3),
  activation('elu', [-0.8646647, -0.3934693, 0, 1.5]),
  { ...activation('elu', [-1.7293294, -0.7869387, 0, 1.5], 2), title: 'activation elu with a scale' },
  activation('selu', [-1.520167, -0.6917582, 0, 1.5760515]),
  activation('sigmoid', [0.1192029, 0.3775407, 0.5, 0.8175745]),
  activation('hard-sigmoid', [0.1, 0.4, 0.5, 0, 1], undefined, [-2, -0.5, 0, -3, 3]),
  activation('tanh', [-0.9640276, -0.4621172, 0, 0.9051483]),
  activation('softplus', [0.126928, 0.474077, 0.6931472, 1.7014133]),
  activation('softsign', [-2 / 3, -1 / 3, 0, 0.6]),
  activation('swish', [-0.2384058, -0.1887703, 0, 1.2263617]),
  activation('gelu', [-0.0455003, -0.1542688, 0, 1.3997892]),
  activation('exp', [0.1353353, 0.6065307, 1, 4.4816891]),
];
