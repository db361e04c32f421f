import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Shape } from '../../src/graph/box.ts';

/** The CPU backend is slow and right; nothing here needs more. */
export async function readyTf(): Promise<void> {
  await tf.setBackend('cpu');
  await tf.ready();
}

export interface ModelFile {
  readonly modelTopology: object;
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly tf.io.WeightsManifestEntry[];
  }[];
}

export const readModelFile = (path: string): ModelFile => JSON.parse(readFileSync(path, 'utf8')) as ModelFile;

/** The same model with another input shape (without the batch). */
export function withInputShape(file: ModelFile, shape: Shape): ModelFile {
  const stated = (key: string, value: unknown): unknown =>
    key === 'batch_input_shape' ? [null, ...shape] : value;
  return JSON.parse(JSON.stringify(file, stated)) as ModelFile;
}

/** TensorFlow.js' own opinion of a `model.json` on disk. */
export async function loadTfModel(path: string, file = readModelFile(path)): Promise<tf.LayersModel> {
  const shards = file.weightsManifest.flatMap((group) =>
    group.paths.map((shard) => readFileSync(join(dirname(path), shard))),
  );
  const weightData = Uint8Array.from(Buffer.concat(shards)).buffer;
  return loadTfModelFromMemory(
    file.modelTopology,
    file.weightsManifest.flatMap((group) => group.weights),
    weightData,
  );
}

export async function loadTfModelFromMemory(
  modelTopology: object,
  weightSpecs: tf.io.WeightsManifestEntry[],
  weightData: ArrayBuffer,
): Promise<tf.LayersModel> {
  return tf.loadLayersModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
}

/** `predict` on one item: batch axes are added and taken away; several outputs come in the model's order. */
export function predict(
  model: tf.LayersModel,
  inputs: readonly { readonly data: Float32Array; readonly shape: Shape }[],
): Float32Array[] {
  const results = tf.tidy(() => {
    const tensors = inputs.map(({ data, shape }) => tf.tensor(data, [1, ...shape]));
    const made = model.predict(tensors.length === 1 ? tensors[0]! : tensors);
    return (Array.isArray(made) ? made : [made]).map((tensor) => tensor.dataSync() as Float32Array);
  });
  return results.map((data) => Float32Array.from(data));
}
