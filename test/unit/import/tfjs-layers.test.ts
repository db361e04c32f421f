import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { manifestOf } from '../../support/weights-manifest.ts';
import {
  expectSameAsTf,
  expectSameAsTfAfterLoading,
  importSaved,
  randomizeWeights,
  saveModel,
} from '../../support/saved-model.ts';
import { runGraph } from '../../support/run-graph.ts';
import { predict, readyTf } from '../../support/tf-models.ts';
import { expectClose } from '../../support/close.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';

const kinds = (graph: { nodes: readonly { op: { kind: string } }[] }) => graph.nodes.map(({ op }) => op.kind);

describe('TensorFlow.js layers models give the same numbers after import', () => {
  beforeAll(readyTf);

  it.each([
    ['conv1d', tf.layers.conv1d, [17, 3]],
    ['conv2d', tf.layers.conv2d, [11, 14, 3]],
    ['conv3d', tf.layers.conv3d, [7, 8, 9, 2]],
  ] as const)('%s with every padding, stride and dilation', async (name, layer, inputShape) => {
    const make = layer as (args: object) => tf.layers.Layer;
    for (const padding of ['same', 'valid']) {
      for (const [kernelSize, strides, dilationRate] of [
        [3, 1, 1],
        [3, 2, 1],
        [2, 2, 1],
        [5, 3, 1],
        [3, 1, 2],
        [1, 2, 1],
      ]) {
        // TensorFlow.js pads 3-D convolutions negatively here (it skips the first element); TensorFlow does not.
        if (name === 'conv3d' && padding === 'same' && kernelSize! < strides!) continue;
        const model = tf.sequential({
          layers: [make({ inputShape, filters: 4, kernelSize, strides, dilationRate, padding })],
        });
        await expectSameAsTf(model, { seed: kernelSize! * 10 + strides! });
      }
    }
  });

  it('a causal convolution sees the past only', async () => {
    // TensorFlow.js can save such a layer, but not compute it: it must equal a valid one after padding in front.
    const causal = {
      inputShape: [12, 2],
      filters: 3,
      kernelSize: 3,
      dilationRate: 2,
      padding: 'valid',
    } as const;
    const model = tf.sequential({ layers: [tf.layers.conv1d({ ...causal, inputShape: [12, 2] })] });
    randomizeWeights(model, 1);
    const saved = await saveModel(model);
    const edited = JSON.parse(JSON.stringify(saved.json).replace('"valid"', '"causal"')) as typeof saved.json;
    const { graph, weights } = importSaved({ ...saved, json: edited });
    const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const ours = await runGraph(graph, weights, { [graph.inputs[0]!.id]: x });
    const longer = tf.sequential({ layers: [tf.layers.conv1d({ ...causal, inputShape: [16, 2] })] });
    longer.setWeights(model.getWeights());
    const padded = Float32Array.from([...new Array<number>(8).fill(0), ...x]);
    const [expected] = predict(longer, [{ data: padded, shape: [16, 2] }]);
    expectClose(ours.get(graph.outputs[0]!)!, expected!, 1e-5, 'causal');
  });

  it('kernels and strides that differ by axis, padded on one side only', async () => {
    await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.zeroPadding2d({
            inputShape: [9, 10, 2],
            padding: [
              [0, 1],
              [2, 3],
            ],
          }),
          tf.layers.conv2d({
            filters: 5,
            kernelSize: [4, 3],
            strides: [2, 1],
            padding: 'same',
            useBias: false,
          }),
          tf.layers.maxPooling2d({ poolSize: [3, 2], strides: [2, 3], padding: 'same' }),
        ],
      }),
    );
  });

  it.each([1, 2])('depthwise convolution with multiplier %i', async (depthMultiplier) => {
    for (const strides of [1, 2]) {
      await expectSameAsTf(
        tf.sequential({
          layers: [
            tf.layers.depthwiseConv2d({
              inputShape: [10, 9, 4],
              kernelSize: 3,
              strides,
              padding: 'same',
              depthMultiplier,
              activation: 'relu6',
            }),
          ],
        }),
      );
    }
  });

  it('separable convolution with batch norm', async () => {
    const graph = await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.separableConv2d({
            inputShape: [10, 9, 4],
            name: 'sep',
            filters: 6,
            kernelSize: [3, 2],
            strides: 2,
            padding: 'same',
            depthMultiplier: 3,
          }),
          tf.layers.batchNormalization({ name: 'norm' }),
        ],
      }),
      { edit: (json) => json.replace('"filters":6', '"filters":6,"depth_multiplier":3') },
    );
    expect(graph.nodes.map(({ id }) => id)).toEqual(['sep/depthwise', 'sep/pointwise', 'sep', 'norm']);
  });

  it('batch norm without scale, without centre, and on its own', async () => {
    for (const [scale, center] of [
      [false, true],
      [true, false],
      [false, false],
    ]) {
      await expectSameAsTf(
        tf.sequential({
          layers: [
            tf.layers.batchNormalization({
              inputShape: [5, 4, 3],
              scale: scale!,
              center: center!,
              epsilon: 0.01,
            }),
            tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
            tf.layers.batchNormalization({ axis: -1, scale: scale!, center: center! }),
          ],
        }),
      );
    }
  });

  it.each(['same', 'valid'] as const)(
    'max and average pools over one, two and three axes, %s',
    async (padding) => {
      for (const model of [
        tf.sequential({
          layers: [
            tf.layers.maxPooling1d({ inputShape: [19, 3], poolSize: 3, strides: 2, padding }),
            tf.layers.averagePooling1d({ poolSize: 2, padding }),
          ],
        }),
        tf.sequential({
          layers: [
            tf.layers.maxPooling2d({ inputShape: [15, 14, 3], poolSize: 3, strides: 2, padding }),
            tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding }),
          ],
        }),
        tf.sequential({
          layers: [
            tf.layers.maxPooling3d({ inputShape: [9, 10, 11, 2], poolSize: 2, padding }),
            tf.layers.averagePooling3d({ poolSize: [3, 2, 3], strides: 2, padding }),
          ],
        }),
      ]) {
        await expectSameAsTf(model);
      }
    },
  );

  it('global pools', async () => {
    for (const layer of [tf.layers.globalAveragePooling1d, tf.layers.globalMaxPooling1d]) {
      await expectSameAsTf(
        tf.sequential({ layers: [layer({ inputShape: [9, 4] }), tf.layers.dense({ units: 3 })] }),
      );
    }
    for (const layer of [tf.layers.globalAveragePooling2d, tf.layers.globalMaxPooling2d]) {
      await expectSameAsTf(
        tf.sequential({ layers: [layer({ inputShape: [5, 6, 4] }), tf.layers.dense({ units: 3 })] }),
      );
    }
  });

  it.each([
    'elu',
    'hardSigmoid',
    'linear',
    'relu',
    'relu6',
    'selu',
    'sigmoid',
    'softmax',
    'softplus',
    'softsign',
    'tanh',
    'swish',
    'gelu',
  ] as const)('activation %s, in a dense layer and as a layer', async (activation) => {
    const name = activation as 'relu';
    await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.dense({ inputShape: [7], units: 9, activation: name }),
          tf.layers.activation({ activation: name }),
        ],
      }),
    );
  });

  it('activation layers with settings', async () => {
    await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.conv2d({ inputShape: [6, 6, 2], filters: 4, kernelSize: 3 }),
          tf.layers.leakyReLU({ alpha: 0.1 }),
          tf.layers.leakyReLU(),
          tf.layers.elu(),
          tf.layers.reLU({ maxValue: 6 }),
          tf.layers.reLU(),
          tf.layers.softmax({ axis: 3 }),
        ],
      }),
    );
  });

  it('layers that rest at inference', async () => {
    const graph = await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.dropout({ inputShape: [6, 5, 2], rate: 0.5 }),
          tf.layers.gaussianNoise({ stddev: 1 }),
          tf.layers.gaussianDropout({ rate: 0.5 }),
          tf.layers.alphaDropout({ rate: 0.5 }),
          tf.layers.flatten(),
          tf.layers.dropout({ rate: 0.5 }),
          tf.layers.dense({ units: 3 }),
        ],
      }),
    );
    expect(kinds(graph)).toEqual(['identity', 'identity', 'identity', 'identity', 'dense', 'bias']);
  });

  it('flatten before dense is a view; the kernel keeps the unflattened axes', async () => {
    const graph = await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.conv2d({ inputShape: [6, 5, 2], filters: 3, kernelSize: 2, activation: 'relu' }),
          tf.layers.flatten(),
          tf.layers.activation({ activation: 'tanh' }),
          tf.layers.dense({ units: 4, activation: 'softmax' }),
        ],
      }),
    );
    expect(kinds(graph)).not.toContain('reshape');
    const dense = graph.nodes.find(({ op }) => op.kind === 'dense')!;
    expect(weightShapes(graph).get(dense.weights['kernel']!)).toEqual([5, 4, 3, 4]);
  });

  it('flatten and reshape before anything else are reshapes', async () => {
    const graph = await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.flatten({ inputShape: [4, 3, 2] }),
          tf.layers.batchNormalization(),
          tf.layers.reshape({ targetShape: [2, 4, 3] }),
          tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
          tf.layers.reshape({ targetShape: [-1], name: 'flat' }),
        ],
      }),
    );
    expect(kinds(graph).filter((kind) => kind === 'reshape')).toHaveLength(3);
    expect(graph.outputs).toEqual(['flat']);
  });

  it('dense over the last axis of tensors of two, three and four axes', async () => {
    for (const inputShape of [
      [5, 6],
      [4, 5, 6],
      [2, 3, 4, 5],
    ]) {
      await expectSameAsTf(
        tf.sequential({ layers: [tf.layers.dense({ inputShape, units: 3, activation: 'softmax' })] }),
      );
    }
  });

  it('zero padding', async () => {
    await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.zeroPadding2d({ inputShape: [4, 5, 2], padding: 2 }),
          tf.layers.zeroPadding2d({ padding: [1, 3] }),
          tf.layers.averagePooling2d({ poolSize: 2 }),
        ],
      }),
    );
  });

  it('upsampling by repetition', async () => {
    await expectSameAsTf(
      tf.sequential({
        layers: [
          tf.layers.upSampling2d({ inputShape: [4, 5, 2], size: [3, 2] }),
          tf.layers.conv2d({ filters: 2, kernelSize: 3 }),
        ],
      }),
    );
  });

  it('bilinear upsampling by half pixels, as Keras does', async () => {
    const model = tf.sequential({
      layers: [tf.layers.upSampling2d({ inputShape: [4, 5, 2], size: [2, 3], interpolation: 'bilinear' })],
    });
    const { graph, weights } = importSaved(await saveModel(model));
    const x = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
    const expected = tf.image.resizeBilinear(tf.tensor4d(x, [1, 4, 5, 2]), [8, 15], false, true);
    const ours = await runGraph(graph, weights, { [graph.inputs[0]!.id]: x });
    expectClose(ours.get(graph.outputs[0]!)!, expected.dataSync<'float32'>(), 1e-5, 'bilinear');
  });

  it('merges and concatenations of several inputs', async () => {
    const a = tf.input({ shape: [6, 5, 4], name: 'a' });
    const b = tf.input({ shape: [6, 5, 4], name: 'b' });
    const conv = tf.layers
      .conv2d({ filters: 4, kernelSize: 3, padding: 'same' })
      .apply(a) as tf.SymbolicTensor;
    const apply = (layer: tf.layers.Layer, ...inputs: tf.SymbolicTensor[]) =>
      layer.apply(inputs) as tf.SymbolicTensor;
    const outputs = [
      apply(tf.layers.add(), a, b, conv),
      apply(tf.layers.multiply(), a, conv),
      apply(tf.layers.average(), a, b, conv),
      apply(tf.layers.maximum(), b, conv, a),
      apply(tf.layers.minimum(), b, conv),
      apply(tf.layers.concatenate({ axis: -1 }), a, b, conv),
      apply(tf.layers.concatenate({ axis: 1 }), a, conv),
      apply(tf.layers.concatenate({ axis: 2 }), a, conv),
    ];
    const graph = await expectSameAsTf(tf.model({ inputs: [a, b], outputs }));
    expect(graph.inputs.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(graph.outputs).toHaveLength(8);
  });

  it('a squeeze-and-excite gate, where a vector scales a map', async () => {
    const x = tf.input({ shape: [4, 5, 3] });
    const pooled = tf.layers.globalAveragePooling2d({}).apply(x) as tf.SymbolicTensor;
    const gate = tf.layers.dense({ units: 3, activation: 'sigmoid' }).apply(pooled) as tf.SymbolicTensor;
    const shaped = tf.layers.reshape({ targetShape: [1, 1, 3] }).apply(gate) as tf.SymbolicTensor;
    const y = tf.layers.multiply().apply([x, shaped]) as tf.SymbolicTensor;
    await expectSameAsTf(tf.model({ inputs: x, outputs: y }));
  });

  it('a layer called twice shares its weights', async () => {
    const a = tf.input({ shape: [6, 6, 2] });
    const b = tf.input({ shape: [6, 6, 2] });
    const conv = tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu', name: 'shared' });
    const norm = tf.layers.batchNormalization({ name: 'sharedNorm' });
    const twice = [a, b].map((input) => norm.apply(conv.apply(input)) as tf.SymbolicTensor);
    const y = tf.layers.add().apply(twice) as tf.SymbolicTensor;
    const graph = await expectSameAsTf(tf.model({ inputs: [a, b], outputs: [y, twice[1]!] }));
    const kernels = graph.nodes
      .filter(({ op }) => op.kind === 'conv')
      .map(({ weights }) => weights['kernel']);
    expect(kernels).toEqual(['shared/kernel', 'shared/kernel']);
  });

  it('a dense layer shared by a vector and by a flattened map reads one kernel in two shapes', async () => {
    const a = tf.input({ shape: [12] });
    const b = tf.input({ shape: [2, 3, 2] });
    const dense = tf.layers.dense({ units: 4, name: 'shared' });
    const flat = tf.layers.flatten().apply(b) as tf.SymbolicTensor;
    const outputs = [dense.apply(a), dense.apply(flat)] as tf.SymbolicTensor[];
    await expectSameAsTf(tf.model({ inputs: [a, b], outputs }));
  });

  it('a sequential model of models, as Teachable Machine writes them', async () => {
    const image = tf.input({ shape: [16, 16, 3] });
    let x = tf.layers
      .conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', useBias: false })
      .apply(image);
    x = tf.layers.batchNormalization().apply(x);
    x = tf.layers.reLU({ maxValue: 6 }).apply(x);
    x = tf.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', useBias: false }).apply(x);
    const trunk = tf.model({ inputs: image, outputs: x as tf.SymbolicTensor, name: 'trunk' });
    const features = tf.sequential({ name: 'features' });
    features.add(trunk);
    features.add(tf.layers.globalAveragePooling2d({ name: 'pool' }));
    const head = tf.sequential({
      name: 'head',
      layers: [
        tf.layers.dense({ inputShape: [4], units: 10, activation: 'relu', name: 'hidden' }),
        tf.layers.dense({ units: 3, activation: 'softmax', useBias: false, name: 'classes' }),
      ],
    });
    const model = tf.sequential({ name: 'whole' });
    model.add(features);
    model.add(head);
    const graph = await expectSameAsTf(model);
    expect(graph.outputs).toEqual(['head/classes']);
    expect(graph.name).toBe('whole');
  });

  it('a functional model with several inputs and outputs inside another, called twice', async () => {
    const p = tf.input({ shape: [5, 5, 2] });
    const q = tf.input({ shape: [5, 5, 2] });
    const convs = [p, q].map(
      (input) => tf.layers.conv2d({ filters: 3, kernelSize: 2 }).apply(input) as tf.SymbolicTensor,
    );
    const sum = tf.layers.add().apply(convs) as tf.SymbolicTensor;
    const product = tf.layers.multiply().apply(convs) as tf.SymbolicTensor;
    const inner = tf.model({ inputs: [p, q], outputs: [sum, product], name: 'inner' });

    const a = tf.input({ shape: [5, 5, 2] });
    const b = tf.input({ shape: [5, 5, 2] });
    const [sumAB, productAB] = inner.apply([a, b]) as tf.SymbolicTensor[];
    const [sumBA] = inner.apply([b, a]) as tf.SymbolicTensor[];
    const joined = tf.layers.concatenate().apply([sumAB!, productAB!, sumBA!]) as tf.SymbolicTensor;
    await expectSameAsTf(tf.model({ inputs: [a, b], outputs: [joined, sumBA!] }));
  });

  it.each(['uint8', 'uint16', 'float16'] as const)(
    'weights quantised as %s, in several shards',
    async (quantized) => {
      const model = tf.sequential({
        layers: [
          tf.layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, activation: 'relu' }),
          tf.layers.batchNormalization(),
          tf.layers.flatten(),
          tf.layers.dense({ units: 5 }),
        ],
      });
      randomizeWeights(model, 3);
      const saved = await saveModel(model);
      const tensors = model.weights.map((weight) => ({
        name: weight.originalName,
        shape: weight.shape as number[],
        data: Float32Array.from(weight.read().dataSync()),
      }));
      const { manifest, files } = manifestOf(tensors, { groupSize: 4, shardBytes: 301, quantized });
      await expectSameAsTfAfterLoading(
        { json: { ...saved.json, weightsManifest: manifest }, files },
        [8, 8, 3],
      );
    },
  );
});
