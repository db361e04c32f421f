import * as tf from '@tensorflow/tfjs';
import { shapeSize, type Shape } from '../../src/graph/box.ts';
import { foldBatchNorm } from '../../src/graph/fold.ts';
import { simplify } from '../../src/graph/simplify.ts';
import { verifyGraph } from '../../src/graph/parse.ts';
import type { Graph } from '../../src/graph/graph.ts';
import type { ImportOptions } from '../../src/import/keras-model.ts';
import { importLayersModel, layersModelWeights } from '../../src/import/tfjs-layers.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { memoryBytes } from '../../src/weights/byte-source.ts';
import { derivedSource } from '../../src/weights/derived-source.ts';
import { expectClose } from './close.ts';
import { runGraph } from './run-graph.ts';
import { loadTfModelFromMemory, predict } from './tf-models.ts';

/** `model.json` as `tf.LayersModel.save` writes it, and its weights file. */
export interface SavedModel {
  readonly json: { modelTopology: object; weightsManifest: unknown };
  readonly files: Map<string, Uint8Array>;
}

/** Weights that are nowhere zero or one, so that a mixed-up or forgotten tensor shows; variances stay positive. */
export function randomizeWeights(model: tf.LayersModel, seed: number): void {
  const random = seededRandom(seed);
  // Through `setWeights` alone: shared layers have one set, and batch norms keep theirs in another order inside.
  for (const layer of model.layers) {
    if (layer instanceof tf.LayersModel) {
      randomizeWeights(layer, seed + 1);
      continue;
    }
    const isNorm = layer.getClassName() === 'BatchNormalization';
    const values = layer.getWeights().map((weight) => {
      const fanIn = Math.max(1, weight.size / (weight.shape.at(-1) ?? 1));
      const scale = weight.rank === 1 ? 0.3 : 1.5 / Math.sqrt(fanIn);
      const data = Float32Array.from({ length: weight.size }, () =>
        isNorm ? 0.5 + random.next() : random.normal() * scale,
      );
      return tf.tensor(data, weight.shape);
    });
    layer.setWeights(values);
    tf.dispose(values);
  }
}

export async function saveModel(model: tf.LayersModel): Promise<SavedModel> {
  let saved: SavedModel | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const data = tf.io.CompositeArrayBuffer.join(artifacts.weightData);
      saved = {
        json: {
          modelTopology: artifacts.modelTopology as object,
          weightsManifest: [{ paths: ['weights.bin'], weights: artifacts.weightSpecs! }],
        },
        files: new Map([['weights.bin', new Uint8Array(data)]]),
      };
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  // As it would be after a trip through a file.
  return { ...saved!, json: JSON.parse(JSON.stringify(saved!.json)) as SavedModel['json'] };
}

export function importSaved({ json, files }: SavedModel, options: ImportOptions = {}) {
  const imported = importLayersModel(json, options);
  verifyGraph(imported.graph);
  const weights = layersModelWeights(imported, (path) => memoryBytes(path, files.get(path)!));
  return { graph: imported.graph, weights };
}

export function randomInputs(graph: Graph, seed: number): Record<string, Float32Array> {
  const random = seededRandom(seed);
  return Object.fromEntries(
    graph.inputs.map(({ id, shape }) => [
      id,
      Float32Array.from({ length: shapeSize(shape) }, () => random.normal()),
    ]),
  );
}

/**
 * Saves the model, imports it, and compares every output with TensorFlow.js' own, as imported and after simplification
 * and folding. `edit` adds to the file what TensorFlow.js leaves out of it. Returns the imported graph.
 */
export async function expectSameAsTf(
  model: tf.LayersModel,
  { seed = 1, edit = (json) => json }: { seed?: number; edit?: (json: string) => string } = {},
): Promise<Graph> {
  randomizeWeights(model, seed);
  const written = await saveModel(model);
  const json = JSON.parse(edit(JSON.stringify(written.json))) as SavedModel['json'];
  const saved: SavedModel = { ...written, json };
  const { graph, weights } = importSaved(saved);
  const inputs = randomInputs(graph, seed);
  const theirs = predict(
    model,
    graph.inputs.map(({ id, shape }) => ({ data: inputs[id]!, shape })),
  );
  const folded = foldBatchNorm(simplify(graph));
  for (const [which, ours] of [
    ['imported', await runGraph(graph, weights, inputs)],
    ['folded', await runGraph(folded.graph, derivedSource(weights, folded), inputs)],
  ] as const) {
    graph.outputs.forEach((id, index) =>
      expectClose(ours.get(id)!, theirs[index]!, 1e-4, `${which}, output '${id}', seed ${seed}`),
    );
  }
  return graph;
}

/** Quantised or sharded anew: what TensorFlow.js makes of the same files is the measure. */
export async function expectSameAsTfAfterLoading(saved: SavedModel, inputShape: Shape): Promise<void> {
  const { graph, weights } = importSaved(saved);
  const inputs = randomInputs(graph, 7);
  const manifest = saved.json.weightsManifest as tf.io.WeightsManifestConfig;
  const bytes = Buffer.concat(manifest.flatMap(({ paths }) => paths.map((path) => saved.files.get(path)!)));
  const model = await loadTfModelFromMemory(
    saved.json.modelTopology,
    manifest.flatMap((group) => group.weights),
    Uint8Array.from(bytes).buffer,
  );
  const theirs = predict(model, [{ data: inputs[graph.inputs[0]!.id]!, shape: inputShape }]);
  const ours = await runGraph(graph, weights, inputs);
  graph.outputs.forEach((id, index) => expectClose(ours.get(id)!, theirs[index]!, 1e-4, id));
}
