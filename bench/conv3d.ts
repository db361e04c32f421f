import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../src/engine/engine.ts';
import { createTfjsEngine } from '../src/engine/tfjs.ts';
import { fullBox, shapeSize, type Shape } from '../src/graph/box.ts';
import type { Graph } from '../src/graph/graph.ts';
import type { ConvOp } from '../src/graph/op.ts';
import { tensorShapes, weightShapes } from '../src/graph/shapes.ts';
import { compileTile } from '../src/graph/tile-program.ts';
import { seededRandom } from '../src/shared/random.ts';
import { median, timings, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';

interface Layer {
  readonly name: string;
  readonly input: Shape;
  readonly outChannels: number;
}

/** The layer of which the ratio is promised: 5.5 GMAC. */
const PROMISED: Layer = { name: '16×56×56×64→64', input: [16, 56, 56, 64], outChannels: 64 };

/** C3D's own layers, from the largest output (51 MB) to the smallest. */
const C3D: readonly Layer[] = [
  { name: 'C3D conv1 (16×112×112×3→64)', input: [16, 112, 112, 3], outChannels: 64 },
  { name: 'C3D conv2 (16×56×56×64→128)', input: [16, 56, 56, 64], outChannels: 128 },
  { name: 'C3D conv3b (8×28×28×256→256)', input: [8, 28, 28, 256], outChannels: 256 },
  { name: 'C3D conv4b (4×14×14×512→512)', input: [4, 14, 14, 512], outChannels: 512 },
  { name: 'C3D conv5 (2×7×7×512→512)', input: [2, 7, 7, 512], outChannels: 512 },
];

const SAME = [1, 1] as const;

function convolution(spatialRank: 2 | 3, outChannels: number): ConvOp {
  const each = <T>(value: T): T[] => Array<T>(spatialRank).fill(value);
  return {
    kind: 'conv',
    kernelSize: each(3),
    strides: each(1),
    dilations: each(1),
    padding: each(SAME),
    groups: 1,
    outChannels,
  };
}

const graphOf = (op: ConvOp, input: Shape): Graph => ({
  name: 'convolution',
  inputs: [{ id: 'x', shape: input }],
  nodes: [{ id: 'y', op, inputs: ['x'], weights: { kernel: 'kernel' } }],
  outputs: ['y'],
});

/** A tile with its data, and how to compute it once. */
interface Loaded {
  readonly x: Float32Array;
  readonly kernel: Float32Array;
  readonly macs: number;
  readonly run: () => Promise<Float32Array>;
  readonly dispose: () => Promise<void>;
}

async function load(engine: Engine, op: ConvOp, input: Shape): Promise<Loaded> {
  const graph = graphOf(op, input);
  const output = tensorShapes(graph).get('y')!;
  const program = compileTile(graph, { ops: [0, 1], outputs: [{ tensor: 'y', box: fullBox(output) }] });
  const random = seededRandom(3);
  const values = (shape: Shape): Float32Array =>
    Float32Array.from({ length: shapeSize(shape) }, () => random.next() - 0.5);
  const x = values(input);
  const kernel = values(weightShapes(graph).get('kernel')!);
  const tile = await engine.load(program, [kernel]);
  return {
    x,
    kernel,
    macs: shapeSize(output) * shapeSize(op.kernelSize) * input.at(-1)!,
    run: async () => (await tile.run([x])).outputs[0]!,
    dispose: () => tile.dispose(),
  };
}

/** Frames as the batch of a plain 2-D convolution: what this engine makes of as many pixels at its best. */
async function rateOfFrames(layer: Layer, count: number): Promise<number> {
  const { input, outChannels } = layer;
  const x = tf.randomUniform<tf.Rank.R4>(input as [number, number, number, number], -0.5, 0.5);
  const kernel = tf.randomUniform<tf.Rank.R4>([3, 3, input.at(-1)!, outChannels], -0.5, 0.5);
  const timesMs = await timings(count, () => {
    const y = tf.conv2d(x, kernel, 1, 'same');
    y.dataSync();
    y.dispose();
  });
  tf.dispose([x, kernel]);
  const macs = shapeSize(input) * outChannels * 9;
  return macs / 1e6 / median(timesMs);
}

async function ratioRows(engine: Engine, { quick, say }: BenchmarkContext): Promise<Row[]> {
  const { input, outChannels, name } = PROMISED;
  const ours = await load(engine, convolution(3, outChannels), input);
  const result = await ours.run();
  const x = tf.tensor4d(ours.x, [...input] as [number, number, number, number]);
  const kernel = tf.tensor5d(ours.kernel, [3, 3, 3, input.at(-1)!, outChannels]);
  let theirs: Float32Array | undefined;
  const runTheirs = (): void => {
    const y = tf.conv3d(x, kernel, 1, 'same');
    theirs = y.dataSync<'float32'>();
    y.dispose();
  };
  const oursMs: number[] = [];
  const theirsMs: number[] = [];
  // In turns, so that whatever else the machine does slows both. One run of tf.conv3d takes tens of seconds: what its
  // first one does besides is lost in it.
  const rounds = quick ? 1 : 3;
  for (let round = 1; round <= rounds; round++) {
    say(`${name}: our kernel and tf.conv3d, which takes a while (${round} of ${rounds})`);
    oursMs.push(...(await timings(3, ours.run, false)));
    theirsMs.push(...(await timings(1, runTheirs, false)));
  }
  tf.dispose([x, kernel]);
  await ours.dispose();
  return [
    { name: `${name}: tf.conv3d over our kernel`, value: median(theirsMs) / median(oursMs), unit: '×', goal: { atLeast: 25 } }, // prettier-ignore
    { name: `${name}: our kernel`, value: median(oursMs), unit: 'ms', goal: null },
    { name: `${name}: tf.conv3d`, value: median(theirsMs), unit: 'ms', goal: null },
    // Two float32 sums of 1,728 products in different orders.
    { name: `${name}: largest relative difference`, value: relativeDifference(result, theirs!), unit: '', goal: { atMost: 1e-4 } }, // prettier-ignore
  ];
}

function relativeDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < b.length; i++) {
    largest = Math.max(largest, Math.abs(b[i]!));
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
  }
  return difference / largest;
}

async function rateRows(engine: Engine, layer: Layer, { quick, say }: BenchmarkContext): Promise<Row[]> {
  say(layer.name);
  const count = quick ? 3 : 9;
  const tile = await load(engine, convolution(3, layer.outChannels), layer.input);
  const rate = tile.macs / 1e6 / median(await timings(count, tile.run));
  await tile.dispose();
  const flat = await rateOfFrames(layer, count);
  return [
    { name: layer.name, value: rate, unit: 'GMAC/s', goal: null },
    { name: `${layer.name}: of the rate of 2-D`, value: rate / flat, unit: '×', goal: { atLeast: 0.5 } },
  ];
}

export const conv3d: Benchmark = {
  summary: '3-D convolution on the wasm engine: against tf.conv3d, and against 2-D convolution per multiply',
  async run(context) {
    const engine = await createTfjsEngine({ backend: 'wasm' });
    try {
      const rows = await ratioRows(engine, context);
      for (const layer of C3D) rows.push(...(await rateRows(engine, layer, context)));
      return rows;
    } finally {
      await engine.dispose();
    }
  },
};
