import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { importLayersModel, layersModelWeights } from '../../../src/import/tfjs-layers.ts';
import { shapeSize, type Shape } from '../../../src/graph/box.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { fileBytes } from '../../../src/weights/file-source.ts';
import { expectClose, topClass } from '../../support/close.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';
import { runGraph } from '../../support/run-graph.ts';
import { loadTfModel, predict, readModelFile, readyTf } from '../../support/tf-models.ts';

const mobilenetPath = realdata('tfjs-layers-mobilenet-v1-025/mobilenet_model.json');

function importFile(path: string, inputShape?: Shape) {
  const model = importLayersModel(readModelFile(path), inputShape ? { inputShape } : {});
  const weights = layersModelWeights(model, (shard) => fileBytes(join(dirname(path), shard)));
  return { graph: model.graph, weights };
}

function noise(shape: Shape, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1);
}

/** Every output of the model equals what TensorFlow.js computes for it. */
async function expectSameOutputs(path: string, input: Float32Array): Promise<Float32Array> {
  const { graph, weights } = importFile(path);
  const ours = await runGraph(graph, weights, { [graph.inputs[0]!.id]: input });
  const theirs = predict(await loadTfModel(path), [{ data: input, shape: graph.inputs[0]!.shape }]);
  expect(graph.outputs.length).toBe(theirs.length);
  graph.outputs.forEach((id, index) => expectClose(ours.get(id)!, theirs[index]!, 1e-4, id));
  return ours.get(graph.outputs.at(-1)!)!;
}

async function picture(path: string): Promise<Float32Array> {
  const bytes = await sharp(realdata(path)).resize(224, 224, { fit: 'fill' }).removeAlpha().raw().toBuffer();
  return Float32Array.from(bytes, (value) => value / 127.5 - 1);
}

describe.skipIf(!hasRealdata)(`trained models give TensorFlow.js' results${realdataNote}`, () => {
  beforeAll(readyTf);

  it.each([
    ['images/elephant/elephant.jpg', [385, 386, 101]],
    ['images/panda/panda.jpg', [388]],
  ])('MobileNet sees what %s shows', async (image, classes) => {
    const probabilities = await expectSameOutputs(mobilenetPath, await picture(image));
    expect(classes).toContain(topClass(probabilities));
  });

  it('LeNet, all eight outputs', async () => {
    const path = realdata('tfjs-layers-lenet-multi-output/mnist.json');
    expect(importFile(path).graph.outputs).toHaveLength(8);
    await expectSameOutputs(path, noise([28, 28, 1], 1));
  });
});
