import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import { shapeSize } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { graphCost } from '../../../src/graph/inspect.ts';
import { verifyGraph } from '../../../src/graph/parse.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import { importLayersModel, layersModelWeights } from '../../../src/import/tfjs-layers.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { derivedSource } from '../../../src/weights/derived-source.ts';
import { memoryBytes } from '../../../src/weights/byte-source.ts';
import { expectClose } from '../../support/close.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';
import { runGraph } from '../../support/run-graph.ts';
import { loadTfModelFromMemory, predict, readModelFile } from '../../support/tf-models.ts';

const topology = (name: string) => readModelFile(realdata(`topology-only/${name}/model.json`));

describe.skipIf(!hasRealdata)(`topologies without their weights${realdataNote}`, () => {
  it.each([
    ['vgg16', 138_357_544, 15.47],
    // Less than the usual 3.86: this version's first pool has no padding, so that stage 2 is 55² instead of 56².
    ['resnet50', 25_636_712, 3.83],
    ['inception_v3', 23_851_784, 5.71],
  ])('%s has %i parameters and %f G multiply-accumulates', (name, parameters, gigaMacs) => {
    const inputShape = name === 'inception_v3' ? { inputShape: [299, 299, 3] } : {};
    const { graph } = importLayersModel(topology(name), inputShape);
    verifyGraph(graph);
    const cost = graphCost(graph);
    expect(cost.parameters).toBe(parameters);
    expect(cost.macs / 1e9).toBeCloseTo(gigaMacs, 2);
    verifyGraph(foldBatchNorm(simplify(graph)).graph);
  });

  it('the first dense layer of VGG16 reads the last feature map unflattened', () => {
    const { graph } = importLayersModel(topology('vgg16'));
    const dense = graph.nodes.find(({ op }) => op.kind === 'dense')!;
    expect(dense.inputs).toEqual(['block5_pool']);
    expect(graph.nodes.some(({ op }) => op.kind === 'reshape')).toBe(false);
  });

  it('asks for the sizes that a model leaves open', () => {
    expect(() => importLayersModel(topology('inception_v3'))).toThrow(
      /'input_1' leaves sizes open: \[\?, \?, 3\]/,
    );
  });

  // Seeded weights, and the smallest picture that the network takes: the layers are the same at every size.
  it('InceptionV3 gives the results of TensorFlow.js in every one of its outputs', async () => {
    const seed = 11;
    const inputShape = [75, 75, 3];
    const { modelTopology, weightsManifest } = topology('inception_v3');
    const specs = weightsManifest.flatMap((group) => group.weights);
    const random = seededRandom(seed);
    const tensors = specs.map(({ name, shape }) => {
      const fanIn = shapeSize(shape.slice(0, -1));
      const isNorm = !/kernel|bias/.test(name);
      const positive = name.includes('variance');
      return Float32Array.from({ length: shapeSize(shape) }, () =>
        isNorm ? (positive ? 0.5 : -0.5) + random.next() : (random.next() * 2 - 1) * Math.sqrt(6 / fanIn),
      );
    });
    const bytes = new Uint8Array(Buffer.concat(tensors.map((data) => new Uint8Array(data.buffer))));
    const imported = importLayersModel(
      { modelTopology, weightsManifest: [{ paths: ['weights'], weights: specs }] },
      { inputShape },
    );
    const folded = foldBatchNorm(simplify(imported.graph));
    const weights = derivedSource(
      layersModelWeights(imported, (path) => memoryBytes(path, bytes)),
      folded,
    );
    const input = Float32Array.from({ length: shapeSize(inputShape) }, () => random.normal());
    const engine = await createTfjsEngine({ backend: 'wasm' });
    try {
      const ours = await runGraph(folded.graph, weights, { input_1: input }, engine);
      await tf.setBackend('wasm');
      const model = await loadTfModelFromMemory(modelTopology, specs, bytes.buffer);
      const theirs = predict(model, [{ data: input, shape: inputShape }]);
      expect(theirs.length).toBeGreaterThan(100);
      folded.graph.outputs.forEach((id, index) =>
        expectClose(ours.get(id)!, theirs[index]!, 1e-4, `${id}, seed ${seed}`),
      );
    } finally {
      await engine.dispose();
    }
  }, 180_000);
});
