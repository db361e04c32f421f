import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { median, type BenchmarkContext, type Row } from '../benchmark.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const UNITS = 4096;

/** What a side does with a buffer of weights that is its own from then on. */
interface Side {
  /** Weights to where they are computed with. */
  load(weights: Float32Array): Promise<void>;
  run(x: Float32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

interface Measured {
  readonly loadMs: number;
  readonly firstMs: number;
  readonly memoryBytes: number;
}

const weightsOf = (inputs: number): Float32Array => {
  const weights = new Float32Array(inputs * UNITS);
  for (let i = 0; i < weights.length; i++) weights[i] = ((i * 7919) % 1000) / 1000 - 0.5;
  return weights;
};

async function ours(inputs: number): Promise<Side> {
  const engine = await createTfjsEngine({ backend: 'wasm' });
  const graph: Graph = {
    name: 'dense',
    inputs: [{ id: 'x', shape: [inputs] }],
    nodes: [{ id: 'y', op: { kind: 'dense', units: UNITS }, inputs: ['x'], weights: { kernel: 'kernel' } }],
    outputs: ['y'],
  };
  const program = compileTile(graph, { ops: [0, 1], outputs: [{ tensor: 'y', box: [[0, UNITS]] }] });
  let tile: Awaited<ReturnType<typeof engine.load>> | undefined;
  return {
    async load(weights) {
      tile = await engine.load(program, [weights]);
    },
    run: async (x) => (await tile!.run([x])).outputs[0]!,
    dispose: () => engine.dispose(),
  };
}

function theirs(inputs: number): Side {
  let kernel: tf.Tensor2D | undefined;
  return {
    async load(weights) {
      kernel = tf.tensor2d(weights, [inputs, UNITS]);
    },
    async run(x) {
      const input = tf.tensor2d(x, [1, inputs]);
      const y = tf.matMul(input, kernel!);
      const result = y.dataSync<'float32'>();
      tf.dispose([input, y]);
      return result;
    },
    dispose: async () => tf.dispose(kernel),
  };
}

async function start(side: Side, inputs: number, x: Float32Array): Promise<Measured> {
  collectGarbage();
  collectGarbage();
  const beforeBytes = process.memoryUsage.rss();
  const loadMs = await loadInto(side, inputs);
  const startMs = performance.now();
  await side.run(x);
  const firstMs = performance.now() - startMs;
  // References of finished calls hold until the job ends; what one collection finds is freed before the next one.
  for (let pass = 0; pass < 2; pass++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return { loadMs, firstMs, memoryBytes: process.memoryUsage.rss() - beforeBytes };
}

/** A function of its own: the buffer that the weights come in is garbage when it has returned. */
async function loadInto(side: Side, inputs: number): Promise<number> {
  const weights = weightsOf(inputs);
  const startMs = performance.now();
  await side.load(weights);
  return performance.now() - startMs;
}

/** VGG16's first dense layer: our engine and tfjs' matMul on the same backend, in this process. */
export async function denseRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const inputs = quick ? 6272 : 25_088;
  const title = `dense ${inputs}×${UNITS}`;
  say(`${title}: first and later calls`);
  const x = Float32Array.from({ length: inputs }, (_, i) => Math.sin(i));
  const sides = [await ours(inputs), theirs(inputs)] as const;
  const started: Measured[] = [];
  for (const side of sides) started.push(await start(side, inputs, x));
  const later: [number[], number[]] = [[], []];
  for (let round = 0; round < (quick ? 5 : 25); round++) {
    for (const [index, side] of sides.entries()) {
      const startMs = performance.now();
      await side.run(x);
      later[index as 0 | 1].push(performance.now() - startMs);
    }
  }
  for (const side of sides) await side.dispose();
  const [mine, plain] = started as [Measured, Measured];
  const weightBytes = inputs * UNITS * 4;
  const [mineLater, plainLater] = [median(later[0]), median(later[1])];
  return [
    { name: `${title}: weights in a buffer to first result, ours / tfjs`, value: (mine.loadMs + mine.firstMs) / (plain.loadMs + plain.firstMs), unit: '×', goal: null },
    { name: `${title}: first call once the weights are there, ours / tfjs`, value: mine.firstMs / plain.firstMs, unit: '×', goal: { atMost: 0.1 } },
    { name: `${title}: later calls, ours / tfjs`, value: mineLater / plainLater, unit: '×', goal: { atMost: 1.2 } },
    { name: `${title}: later call, ours`, value: mineLater, unit: 'ms', goal: null },
    { name: `${title}: later call, tfjs`, value: plainLater, unit: 'ms', goal: null },
    { name: `${title}: load and warm-up, ours`, value: mine.loadMs, unit: 'ms', goal: null },
    { name: `${title}: first call, tfjs`, value: plain.firstMs, unit: 'ms', goal: null },
    { name: `${title}: resident memory over the weights, ours`, value: mine.memoryBytes / weightBytes, unit: '×', goal: { atMost: 1.04 } },
    { name: `${title}: resident memory over the weights, tfjs`, value: plain.memoryBytes / weightBytes, unit: '×', goal: null },
  ]; // prettier-ignore
}
