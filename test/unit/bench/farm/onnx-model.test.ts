import * as ort from 'onnxruntime-web';
import protobuf from 'protobufjs/minimal.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { inputName, onnxModel, outputName } from '../../../../bench/farm/baselines/onnx-model.ts';
import { seededNetwork } from '../../../../bench/overhead/networks.ts';
import { shapeSize } from '../../../../src/graph/box.ts';
import type { Graph } from '../../../../src/graph/graph.ts';
import type { ActivationFunction, Op, Padding } from '../../../../src/graph/op.ts';
import { NETWORKS } from '../../../../src/models/presets.ts';
import { seededRandom } from '../../../../src/shared/random.ts';
import { seededSource, seededTensors } from '../../../../src/weights/seeded-source.ts';
import type { WeightSource } from '../../../../src/weights/weight-source.ts';
import { runGraph } from '../../../support/run-graph.ts';
import { Chain } from '../../../support/small-networks.ts';

const TOLERANCE = 1e-3;

beforeAll(() => {
  ort.env.wasm.numThreads = 1;
});

/** Largest difference of all outputs from those of the reference engine, over the largest value of each. */
async function difference(graph: Graph, weights: WeightSource): Promise<number> {
  const random = seededRandom(5);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ id, shape }) => [
      id,
      Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1),
    ]),
  );
  const expected = await runGraph(graph, weights, inputs);
  const { model, constants } = await onnxModel(graph, weights);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    externalData: constants,
  });
  const feeds = graph.inputs.map(
    ({ id, shape }) => [inputName(id), new ort.Tensor('float32', inputs[id]!, [1, ...shape])] as const,
  );
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  let worst = 0;
  for (const [id, values] of expected) {
    const actual = results[outputName(id)]!.data as Float32Array;
    expect(actual).toHaveLength(values.length);
    let largest = 0;
    let most = 0;
    for (const [index, value] of values.entries()) {
      largest = Math.max(largest, Math.abs(value));
      most = Math.max(most, Math.abs(actual[index]! - value));
    }
    worst = Math.max(worst, most / largest);
  }
  return worst;
}

const seeded = (graph: Graph): WeightSource => seededSource(seededTensors(graph), 11);
const square = (extent: number): Padding[] => [
  [extent, extent],
  [extent, extent],
];

describe('networks as ONNX models', () => {
  it.each([
    ['alexnet', NETWORKS.alexnet({ inputShape: [67, 71, 3], width: 1 / 16, classes: 10 })],
    ['vgg16', NETWORKS.vgg16({ inputShape: [64, 96, 3], width: 1 / 16, classes: 10 })],
    ['xception', NETWORKS.xception({ inputShape: [75, 71, 3], width: 1 / 32, classes: 10 })],
    ['c3d', NETWORKS.c3d({ inputShape: [16, 48, 56, 3], width: 1 / 32, classes: 10 })],
  ])('%s gives what our reference gives, folded and as published', async (_name, published) => {
    const { graph, weights, original, originalWeights } = seededNetwork(published);
    expect(await difference(graph, weights)).toBeLessThan(TOLERANCE);
    expect(await difference(original, originalWeights)).toBeLessThan(TOLERANCE);
  });

  it('alexnet at its published size', async () => {
    const { graph, weights } = seededNetwork(NETWORKS.alexnet());
    expect(await difference(graph, weights)).toBeLessThan(TOLERANCE);
  });

  it('groups, dilations, pools of averages, normalisation, and several outputs that are images', async () => {
    const conv: Op = {
      kind: 'conv',
      kernelSize: [3, 2],
      strides: [1, 2],
      dilations: [2, 1],
      padding: [
        [2, 1],
        [0, 1],
      ],
      groups: 2,
      outChannels: 6,
    };
    const average: Op = {
      kind: 'avg-pool',
      poolSize: [3, 3],
      strides: [2, 1],
      padding: square(1),
      countPadding: false,
    };
    const graph = new Chain([9, 10, 4])
      .add('conv', conv, ['kernel'])
      .add('lrn', { kind: 'lrn', radius: 2, alpha: 0.3, beta: 0.75, bias: 1.5 })
      .add('bias', { kind: 'bias' }, ['bias'])
      .add('average', average)
      .add('counted', { ...average, countPadding: true }, [], ['bias'])
      .add('rows', { kind: 'concat', axis: 0 }, [], ['average', 'counted'])
      .add('channels', { kind: 'concat', axis: 2 }, [], ['rows', 'rows'])
      .add('max', { kind: 'global-pool', mode: 'max', keepDims: true })
      .add('gated', { kind: 'merge', mode: 'multiply' }, [], ['channels', 'max', 'channels'])
      .add('softmax', { kind: 'softmax', axis: 1 }, [], ['gated'])
      .add('same', { kind: 'identity' })
      .graph('mixed', ['rows', 'gated', 'same']);
    expect(await difference(graph, seeded(graph))).toBeLessThan(TOLERANCE);
  });

  it.each(['add', 'subtract', 'maximum', 'minimum', 'average'] as const)('merges: %s', async (mode) => {
    const graph = new Chain([4, 5, 3])
      .conv('one', 1, 2)
      .conv('other', 3, 2, 1)
      .add('merge', { kind: 'merge', mode }, [], ['one/bias', 'other/bias'])
      .graph('merge');
    expect(await difference(graph, seeded(graph))).toBeLessThan(TOLERANCE);
  });

  it.each<[ActivationFunction, number?]>([
    ['relu'],
    ['relu6'],
    ['leaky-relu', 0.2],
    ['elu', 0.7],
    ['selu'],
    ['sigmoid'],
    ['hard-sigmoid'],
    ['tanh'],
    ['softplus'],
    ['softsign'],
    ['swish'],
    ['gelu'],
    ['exp'],
  ])('activations: %s', async (name, alpha) => {
    const op: Op = { kind: 'activation', function: name, ...(alpha === undefined ? {} : { alpha }) };
    // Wide enough to reach 6.
    const wide: Op = { kind: 'batch-norm', epsilon: 1e-4, scale: false, center: true };
    const graph = new Chain([40]).add('wide', wide, ['mean', 'variance', 'beta']).add('out', op).graph('act');
    const tensors = seededTensors(graph).map((tensor) =>
      tensor.name === 'wide/variance' ? { ...tensor, center: 0.015, spread: 0.005 } : tensor,
    );
    expect(await difference(graph, seededSource(tensors, 3))).toBeLessThan(TOLERANCE);
  });

  it('a bias that others go around stays an op', async () => {
    const graph = new Chain([6])
      .add('dense', { kind: 'dense', units: 5 }, ['kernel'])
      .add('biased', { kind: 'bias' }, ['bias'])
      .add('sum', { kind: 'merge', mode: 'add' }, [], ['dense', 'biased'])
      .graph('around');
    expect(await difference(graph, seeded(graph))).toBeLessThan(TOLERANCE);
  });

  it.each<Op>([
    { kind: 'pad', padding: [...square(1), [0, 0]], value: 1 },
    { kind: 'reshape', shape: [48] },
    { kind: 'upsample', factors: [2, 2], mode: 'nearest' },
  ])('refuse $kind, by name', async (op) => {
    const graph = new Chain([4, 4, 3]).add('odd', op).graph('refused');
    await expect(onnxModel(graph, seeded(graph))).rejects.toMatchObject({
      code: 'OP_UNSUPPORTED',
      message: expect.stringContaining('"odd"') as unknown,
    });
  });

  it('refuse weights of another network', async () => {
    const graph = new Chain([6]).dense('fc', 3).graph('small');
    const other = new Chain([6]).dense('fc', 4).graph('small');
    await expect(onnxModel(graph, seeded(other))).rejects.toMatchObject({ code: 'WEIGHTS_CORRUPT' });
  });

  it('state version and opset where every reader looks for them', async () => {
    const graph = new Chain([6]).dense('fc', 3).graph('small');
    const { model, constants } = await onnxModel(graph, seeded(graph));
    expect(constants).toEqual([]);
    const reader = protobuf.Reader.create(model);
    const fields = new Map<number, unknown>();
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      fields.set(tag >>> 3, (tag & 7) === 0 ? reader.uint32() : reader.bytes());
    }
    expect(fields.get(1)).toBe(9);
    expect([...(fields.get(8) as Uint8Array)]).toEqual([10, 0, 16, 20]);
  });
});
