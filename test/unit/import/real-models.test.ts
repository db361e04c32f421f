import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelFile } from '../../../headless/model-files.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import { shapeSize, type Shape } from '../../../src/graph/box.ts';
import { loadModel, type LoadedModel, type LoadModelOptions } from '../../../src/import/load-model.ts';
import { importLayersModel, layersModelWeights } from '../../../src/import/tfjs-layers.ts';
import { encodeImage } from '../../../src/models/image-encoding.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { fileBytes } from '../../../src/weights/file-source.ts';
import { expectClose, topClass } from '../../support/close.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';
import { runGraph } from '../../support/run-graph.ts';
import { loadTfModel, predict, readModelFile, withInputShape } from '../../support/tf-models.ts';

const mobilenet = realdata('tfjs-layers-mobilenet-v1-025/mobilenet_model.json');
const lenet = realdata('tfjs-layers-lenet-multi-output/mnist.json');
const squeezenet = realdata('tfjs-layers-squeezenet-v11-features/squeezenet_model.json');
const brainMask = realdata('tfjs-layers-conv3d/mnm_38cube');
const brainSegments = realdata('tfjs-layers-conv3d/model20chan3cls');

const load = (ref: string, options: Partial<LoadModelOptions> = {}) =>
  loadModel(ref, { open: openModelFile, ...options });

function noise(shape: Shape, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1);
}

describe.skipIf(!hasRealdata)(`trained models give TensorFlow.js' results${realdataNote}`, () => {
  const reference = createReferenceEngine();
  let wasm: Engine;
  beforeAll(async () => {
    wasm = await createTfjsEngine({ backend: 'wasm' });
  });
  afterAll(() => wasm.dispose());

  /** Every output of the model, on the engine, equals what TensorFlow.js computes for it with the unfolded layers. */
  async function expectSameOutputs(
    { graph, weights, location }: LoadedModel,
    input: Float32Array,
    engine: Engine,
  ): Promise<Map<string, Float32Array>> {
    const shape = graph.inputs[0]!.shape;
    const ours = await runGraph(graph, weights, { [graph.inputs[0]!.id]: input }, engine);
    await tf.setBackend('wasm');
    const model = await loadTfModel(location, withInputShape(readModelFile(location), shape));
    const theirs = predict(model, [{ data: input, shape }]);
    model.dispose();
    expect(graph.outputs.length).toBe(theirs.length);
    graph.outputs.forEach((id, index) => expectClose(ours.get(id)!, theirs[index]!, 1e-4, id));
    return ours;
  }

  async function picture(path: string, { graph }: LoadedModel): Promise<Float32Array> {
    const { shape, image } = graph.inputs[0]!;
    const pixels = await sharp(realdata(path))
      .resize(shape[1], shape[0], { fit: 'fill' })
      .removeAlpha()
      .raw()
      .toBuffer();
    return encodeImage(pixels, image!, shape);
  }

  it.each([
    ['elephant', 'images/elephant/elephant.jpg', [385, 386, 101]],
    ['panda', 'images/panda/panda.jpg', [388]],
  ])('MobileNet sees the %s, on both engines', async (_name, image, classes) => {
    const model = await load(mobilenet);
    const input = await picture(image, model);
    for (const engine of [reference, wasm]) {
      const outputs = await expectSameOutputs(model, input, engine);
      expect(classes).toContain(topClass(outputs.get('reshape_2')!));
    }
  });

  it('MobileNet as its layers stand, batch norms not folded', async () => {
    const imported = importLayersModel(readModelFile(mobilenet));
    expect(imported.graph.nodes.filter(({ op }) => op.kind === 'batch-norm')).toHaveLength(27);
    const weights = layersModelWeights(imported, (shard) => fileBytes(`${dirname(mobilenet)}/${shard}`));
    const original = imported.graph;
    const model: LoadedModel = { ...imported, original, weights, location: mobilenet, format: 'tfjs-layers' };
    await expectSameOutputs(model, noise([224, 224, 3], 2), reference);
  });

  it('LeNet, all eight outputs, on both engines', async () => {
    const model = await load(lenet);
    expect(model.graph.outputs).toEqual([
      'zero_padding2d_ZeroPadding2D1',
      'conv2d_Conv2D1',
      'max_pooling2d_MaxPooling2D1',
      'conv2d_Conv2D2',
      'max_pooling2d_MaxPooling2D2',
      'dense_Dense1',
      'dense_Dense2',
      'dense_Dense3',
    ]);
    for (const engine of [reference, wasm]) await expectSameOutputs(model, noise([28, 28, 1], 1), engine);
  });

  it('SqueezeNet trunk on a picture of a cat, on both engines', async () => {
    const model = await load(squeezenet);
    const input = await picture('images/ms/cat.jpg', model);
    for (const engine of [reference, wasm]) await expectSameOutputs(model, input, engine);
  });

  it('dilated 3-D convolutions: brain mask, 38³ on the tfjs engine and a smaller cube on the reference', async () => {
    await expectSameOutputs(await load(brainMask), noise([38, 38, 38, 1], 3), wasm);
    const shape = [12, 12, 12, 1];
    await expectSameOutputs(await load(brainMask, { inputShape: shape }), noise(shape, 4), reference);
    // TensorFlow.js itself needs a third of a minute for the 38³, on an idle machine.
  }, 240_000);

  // The model's own 256³ takes TensorFlow.js gigabytes per layer and hours on a CPU. A fully convolutional net computes the
  // same at any size, so both sides get a cube that is just larger than the widest dilation (16).
  it('dilated 3-D convolutions: brain segmentation at 20³ instead of 256³', async () => {
    const shape = [20, 20, 20, 1];
    const model = await load(brainSegments, { inputShape: shape });
    for (const engine of [reference, wasm]) await expectSameOutputs(model, noise(shape, 5), engine);
  });
});
