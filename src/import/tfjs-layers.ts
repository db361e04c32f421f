import { PeerceptronError } from '../shared/errors.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { storedSource, viewed } from '../weights/stored-source.ts';
import { manifestTensors, parseWeightsManifest, type ManifestGroup } from '../weights/tfjs-manifest.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { corrupt, isObject, shown } from './json-reader.ts';
import { importKerasModel, type ImportedGraph, type ImportOptions } from './keras-model.ts';
import { parseKerasModel } from './keras-topology.ts';

/** A TensorFlow.js layers model: a graph, and where its weights are. */
export interface ImportedLayersModel extends ImportedGraph {
  /** Absent when the file is a topology alone. */
  readonly groups?: readonly ManifestGroup[];
}

/**
 * Imports what `tf.LayersModel.save` and the converter write to `model.json` (also a topology alone).
 * @throws MODEL_CORRUPT, MODEL_UNSUPPORTED (names the layer), WEIGHTS_MISSING, WEIGHTS_CORRUPT
 */
export function importLayersModel(modelJson: unknown, options: ImportOptions = {}): ImportedLayersModel {
  if (!isObject(modelJson))
    return corrupt('the model', `it should be a JSON object, it is ${shown(modelJson)}`);
  const topology = modelJson['modelTopology'] ?? modelJson;
  if (!isObject(topology)) return corrupt('the model', `'modelTopology' should be an object`);
  if (modelJson['format'] === 'graph-model' || 'node' in topology) {
    throw new PeerceptronError(
      'MODEL_UNSUPPORTED',
      'this is a TensorFlow.js graph model; export the model as a layers model',
    );
  }
  const spec = parseKerasModel(modelConfig(topology));
  const manifest = modelJson['weightsManifest'];
  if (manifest === undefined || manifest === null) return importKerasModel(spec, undefined, options);
  const groups = parseWeightsManifest(manifest);
  const tensors = groups.flatMap((group) => group.tensors);
  return { ...importKerasModel(spec, tensors, options), groups };
}

/** Converted Keras files keep the topology in `model_config`, some as JSON in a text. */
function modelConfig(topology: Readonly<Record<string, unknown>>): unknown {
  const config = topology['model_config'] ?? topology;
  if (typeof config !== 'string') return config;
  try {
    return JSON.parse(config) as unknown;
  } catch {
    return corrupt('the model', `'model_config' is not JSON`);
  }
}

/**
 * The model's weights, read in place. `open` finds a weights file by its path relative to `model.json`.
 * Throws `WEIGHTS_MISSING` for a topology without weights.
 */
export function layersModelWeights(
  model: ImportedLayersModel,
  open: (path: string) => ByteSource,
): WeightSource {
  if (!model.groups) {
    throw new PeerceptronError(
      'WEIGHTS_MISSING',
      `the model file of '${model.graph.name}' has no weights manifest: it is a topology alone; give --weights random to run it all the same`,
    );
  }
  const files = new Map(manifestTensors(model.groups, open).map((tensor) => [tensor.name, tensor]));
  return storedSource(
    [...model.weights].map(([name, { tensor, shape }]) => viewed(files.get(tensor)!, name, shape)),
  );
}
