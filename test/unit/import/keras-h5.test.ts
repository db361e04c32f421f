import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelFile, openModelH5 } from '../../../headless/model-files.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { importKerasH5 } from '../../../src/import/keras-h5.ts';
import { loadModel } from '../../../src/import/load-model.ts';
import { encodeImage } from '../../../src/models/image-encoding.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { openH5File } from '../../../src/weights/h5-file.ts';
import { expectClose, topClass } from '../../support/close.ts';
import { writeH5 } from '../../support/foreign-weights.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';
import { runGraph } from '../../support/run-graph.ts';
import { randomizeWeights } from '../../support/saved-model.ts';
import { predict, readyTf } from '../../support/tf-models.ts';

const load = (path: string) => loadModel(path, { open: openModelFile, openH5: openModelH5 });

/** Separable convolutions, batch norms, a shortcut, and a dense layer behind a flatten. */
function residualModel(): tf.LayersModel {
  const input = tf.input({ shape: [10, 10, 3], name: 'picture' });
  const stem = tf.layers
    .conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'stem' })
    .apply(input) as tf.SymbolicTensor;
  const separable = tf.layers
    .separableConv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false, name: 'separable' })
    .apply(stem) as tf.SymbolicTensor;
  const normed = tf.layers.batchNormalization({ name: 'norm' }).apply(separable) as tf.SymbolicTensor;
  const added = tf.layers.add({ name: 'add' }).apply([stem, normed]) as tf.SymbolicTensor;
  const flat = tf.layers.flatten({ name: 'flat' }).apply(added) as tf.SymbolicTensor;
  const output = tf.layers
    .dense({ units: 5, activation: 'softmax', name: 'answer' })
    .apply(flat) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: output });
}

/** As Keras saves it: a group per layer, variables named `layer/variable:0`. */
async function saveH5(model: tf.LayersModel, path: string): Promise<void> {
  const tensors = model.layers.flatMap((layer) => {
    const values = layer.getWeights();
    return layer.weights.map(({ originalName }, index) => ({
      name: `model_weights/${layer.name}/${originalName.startsWith(`${layer.name}/`) ? originalName : `${layer.name}/${originalName}`}:0`,
      shape: values[index]!.shape,
      data: values[index]!.dataSync() as Float32Array,
    }));
  });
  await writeH5(path, tensors, model.toJSON(null, false));
}

describe('Keras .h5 models', () => {
  let folder: string;
  beforeAll(async () => {
    await readyTf();
    folder = await mkdtemp(join(tmpdir(), 'peerceptron-h5-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('give the numbers of TensorFlow.js, layers and weights from one file', async () => {
    const model = residualModel();
    randomizeWeights(model, 3);
    const path = join(folder, 'residual.h5');
    await saveH5(model, path);
    const loaded = await load(path);
    expect(loaded.format).toBe('keras-h5');
    const random = seededRandom(8);
    const data = Float32Array.from({ length: 300 }, () => random.next());
    const [expected] = predict(model, [{ data, shape: [10, 10, 3] }]);
    const outputs = await runGraph(loaded.graph, loaded.weights, { picture: data }, createReferenceEngine());
    expectClose(outputs.get(loaded.graph.outputs[0]!)!, expected!, 1e-5, 'residual');
  });

  it('are refused without their layers, with a word about --weights', async () => {
    const path = join(folder, 'weights.h5');
    await writeH5(path, [{ name: 'conv/kernel:0', shape: [2], data: new Float32Array(2) }]);
    await expect(load(path)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('--weights') as string,
    });
  });

  it('are refused where they cannot be read', async () => {
    await expect(loadModel('model.h5', { open: openModelFile })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
    await expect(load('https://example.org/model.h5')).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it.skipIf(!hasRealdata).each([
    ['happy', 3],
    ['surprised', 5],
  ])(
    `a trained network sees that a face is %s, batch norms folded or not${realdataNote}`,
    async (face, answer) => {
      const model = await load(realdata('keras-h5-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5'));
      const { id, shape, image } = model.graph.inputs[0]!;
      const pixels = await sharp(realdata(`images/faces/${face}.jpg`))
        .resize(shape[1], shape[0], { fit: 'fill' })
        .removeAlpha()
        .raw()
        .toBuffer();
      const frame = { [id]: encodeImage(pixels, image!, shape) };
      const outputs = await runGraph(model.graph, model.weights, frame, createReferenceEngine());
      const answers = outputs.get(model.graph.outputs[0]!)!;
      expect(topClass(answers)).toBe(answer);
      const unfolded = importKerasH5(await openH5File(model.location), model.location);
      const original = await runGraph(unfolded.graph, unfolded.weights, frame, createReferenceEngine());
      expectClose(answers, original.get(unfolded.graph.outputs[0]!)!, 1e-5, face);
    },
  );
});
