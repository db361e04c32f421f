import type { Shape } from '../graph/box.ts';
import { foldBatchNorm } from '../graph/fold.ts';
import type { Graph } from '../graph/graph.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { simplify } from '../graph/simplify.ts';
import {
  imageEncoding,
  pictureChannels,
  preprocessingOf,
  type Preprocessing,
} from '../models/image-encoding.ts';
import { isNetworkName, NETWORK_NAMES, NETWORKS, type NetworkName } from '../models/presets.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { readAll, type ByteSource } from '../weights/byte-source.ts';
import { derivedSource } from '../weights/derived-source.ts';
import { checkWeights, seededModelWeights, type SeededWeights } from '../weights/seeded-model.ts';
import type { StoredTensor } from '../weights/box-reader.ts';
import { isH5Location, type H5File, type OpenH5 } from '../weights/h5.ts';
import { readSafetensors } from '../weights/safetensors.ts';
import { openGraphWeights, type StoredWeights } from './stored-weights.ts';
import { manifestTensors, parseWeightsManifest } from '../weights/tfjs-manifest.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { isGraphFile, parseGraphFile } from './graph-file.ts';
import { isObject } from './json-reader.ts';
import { importKerasH5 } from './keras-h5.ts';
import { locationOf } from './location.ts';
import { networkWeights } from './network-weights.ts';
import { importLayersModel, layersModelWeights } from './tfjs-layers.ts';

/** Opens the file at a path or URL; nothing is read yet. */
export type OpenBytes = (location: string) => ByteSource;

export interface LoadModelOptions {
  readonly open: OpenBytes;
  /** Where .h5 files can be read. */
  readonly openH5?: OpenH5;
  /** Locations of the models that come with the program, by name (`digits`). */
  readonly presets?: Readonly<Record<string, string>>;
  /** For models that leave input sizes open. */
  readonly inputShape?: Shape | Readonly<Record<string, Shape>>;
  /** How pictures become inputs, where the name of the model would lead to a wrong guess. */
  readonly preprocessing?: Preprocessing;
  /**
   * Location of a weights file (safetensors, Keras .h5, a tfjs manifest) for a network that the program builds itself;
   * or `random`, for any model.
   */
  readonly weights?: string;
  /** Of random weights; they are also taken for layers that come without weights, where a seed is given. 0 … 2³² − 1. */
  readonly seed?: number;
  /**
   * Folders or addresses of the same model elsewhere, tried in order where its weights are damaged or out of reach. For models
   * in our own layout, which can tell.
   */
  readonly mirrors?: readonly string[];
  /** Told once for each copy of the weights that is given up. */
  readonly onSetAside?: (source: string, reason: PeerceptronError) => void;
  readonly signal?: AbortSignal;
}

export interface LoadedModel {
  /** Simplified, batch norms folded; inputs that can be pictures say how. */
  readonly graph: Graph;
  /** As the file, or the paper, has it: what published figures count. */
  readonly original: Graph;
  readonly weights: WeightSource;
  /** Present where the weights are random: how anyone computes the same. */
  readonly seeded?: SeededWeights;
  /** Present where the weights lie in our own layout: what it takes to fetch and check blocks of them anywhere. */
  readonly stored?: StoredWeights;
  /** Of the model file: a path or URL; the name of a preset that was built. */
  readonly location: string;
  /** Of a preset's weights, where they come from a file. */
  readonly weightsLocation?: string;
  readonly format: 'graph' | 'tfjs-layers' | 'keras-h5' | 'preset';
}

const RANDOM = 'random';

/** Of random weights, where none is given. */
export const DEFAULT_SEED = 1;

const MODEL_FILE_LIMIT_BYTES = 64 * 1024 * 1024;
const LABELS_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * Loads a model by the name of a preset, by a path or URL of a model file (`graph.json`, a TensorFlow.js `model.json`, a Keras `.h5`), or
 * of the folder that holds one. Weights stay where they are until they are read.
 *
 * @throws MODEL_NOT_FOUND (says where it looked), MODEL_CORRUPT, MODEL_UNSUPPORTED, WEIGHTS_MISSING, WEIGHTS_CORRUPT,
 * WEIGHTS_UNAVAILABLE
 */
export async function loadModel(ref: string, options: LoadModelOptions): Promise<LoadedModel> {
  if (isNetworkName(ref)) return loadNetwork(ref, options);
  const random = options.weights === RANDOM;
  if (options.weights !== undefined && !random) {
    throw new PeerceptronError(
      'USAGE',
      `'${ref}' has weights of its own: a weights file goes with ${NETWORK_NAMES.join(', ')}`,
    );
  }
  if (isH5Location(ref)) return loadKerasH5(ref, options);
  const { location, text } = await findModelFile(ref, options);
  const json = parsedJson(text, location);
  const openBeside = (path: string): ByteSource => options.open(locationOf(location, path));
  if (isGraphFile(json)) {
    const file = parseGraphFile(json);
    if (random) return prepared(file.graph, undefined, { location, format: 'graph' }, options);
    const { weights, stored } = await openGraphWeights(file, location, options);
    checkWeights(file.graph, weights);
    const model = prepared(file.graph, weights, { location, format: 'graph' }, options);
    return stored ? { ...model, stored } : model;
  }
  const model = importLayersModel(json, options.inputShape ? { inputShape: options.inputShape } : {});
  const labels = await findLabels(model.graph, openBeside, options.signal);
  const graph = labels ? { ...model.graph, labels } : model.graph;
  const drawn = random || (!model.groups && options.seed !== undefined);
  const weights = drawn ? undefined : layersModelWeights(model, openBeside);
  return prepared(graph, weights, { location, format: 'tfjs-layers' }, options);
}

function prepared(
  graph: Graph,
  weights: WeightSource | undefined,
  origin: Pick<LoadedModel, 'location' | 'format'>,
  { preprocessing, seed = DEFAULT_SEED }: LoadModelOptions,
): LoadedModel {
  const inputs = graph.inputs.map((input) => {
    const channels = pictureChannels(input.shape);
    if (!channels || (input.image && !preprocessing)) return input;
    const chosen = preprocessing ?? preprocessingOf(`${graph.name} ${modelFolder(origin.location)}`);
    return { ...input, image: imageEncoding(chosen, channels) };
  });
  const { name, nodes, outputs } = graph;
  const original = { ...graph, inputs };
  const folded = foldBatchNorm(simplify(original));
  // Without the labels: every peer gets it.
  const seeded = weights ? undefined : { seed, unfolded: { name, inputs, nodes, outputs } };
  return {
    ...origin,
    graph: folded.graph,
    original,
    weights: seeded ? seededModelWeights(seeded) : derivedSource(weights!, folded),
    ...(seeded ? { seeded } : {}),
  };
}

function parsedJson(text: string, location: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new PeerceptronError(
      'MODEL_CORRUPT',
      `${location} is not JSON: name a graph.json, or a model.json as TensorFlow.js writes it`,
    );
  }
}

/** A network of the program's own, with the weights of a file or random ones. */
async function loadNetwork(name: NetworkName, options: LoadModelOptions): Promise<LoadedModel> {
  const { inputShape } = options;
  const shape = Array.isArray(inputShape) ? (inputShape as Shape) : undefined;
  const graph = NETWORKS[name](shape ? { inputShape: shape } : {});
  const origin = { location: name, format: 'preset' } as const;
  if (options.weights === undefined || options.weights === RANDOM) {
    return prepared(graph, undefined, origin, options);
  }
  const tensors = await fileTensors(options.weights, options);
  const weights = networkWeights(name, graph, tensors, options.weights);
  return { ...prepared(graph, weights, origin, options), weightsLocation: options.weights };
}

async function loadKerasH5(location: string, options: LoadModelOptions): Promise<LoadedModel> {
  const file = await openedH5(location, options);
  const imported = importKerasH5(
    file,
    location,
    options.inputShape ? { inputShape: options.inputShape } : {},
  );
  const openBeside = (path: string): ByteSource => options.open(locationOf(location, path));
  const labels = await findLabels(imported.graph, openBeside, options.signal);
  const graph = labels ? { ...imported.graph, labels } : imported.graph;
  const weights = options.weights === RANDOM ? undefined : imported.weights;
  return prepared(graph, weights, { location, format: 'keras-h5' }, options);
}

function openedH5(location: string, { openH5 }: LoadModelOptions): Promise<H5File> {
  if (openH5) return openH5(location);
  throw new PeerceptronError(
    'MODEL_UNSUPPORTED',
    `${location}: .h5 files are not read here; use the command line, or convert it to safetensors`,
  );
}

/** The tensors of a weights file of any format that we read: told by its name. */
async function fileTensors(location: string, options: LoadModelOptions): Promise<readonly StoredTensor[]> {
  if (isH5Location(location)) return (await openedH5(location, options)).tensors;
  const { open, signal } = options;
  if (!/\.json$/i.test(location.split(/[?#]/)[0]!)) {
    return (await readSafetensors(open(location), signal)).tensors;
  }
  const text = new TextDecoder().decode(
    await readAll(open(location), MODEL_FILE_LIMIT_BYTES, 'WEIGHTS_CORRUPT', signal),
  );
  const json = parsedJson(text, location);
  const manifest = isObject(json) ? json['weightsManifest'] : json;
  return manifestTensors(parseWeightsManifest(manifest), (path) => open(locationOf(location, path)));
}

/** File and folder of a location: what lies further out says nothing about the model. */
const modelFolder = (location: string): string => location.split(/[/\\]/).slice(-2).join('/');

async function findModelFile(
  ref: string,
  { open, presets = {}, signal }: LoadModelOptions,
): Promise<{ location: string; text: string }> {
  const preset = Object.hasOwn(presets, ref) ? presets[ref] : undefined;
  const place = preset ?? ref;
  const bare = place.split(/[?#]/)[0]!;
  const folder = place.endsWith('/') ? place : `${place}/`;
  const candidates = /\.json$/i.test(bare) ? [place] : [`${folder}graph.json`, `${folder}model.json`];
  for (const location of candidates) {
    const text = await textOf(open(location), MODEL_FILE_LIMIT_BYTES, signal);
    // Some servers answer any address with their front page.
    if (text !== undefined && !(candidates.length > 1 && text.trimStart().startsWith('<'))) {
      return { location, text };
    }
  }
  const names = [...Object.keys(presets), ...NETWORK_NAMES];
  throw new PeerceptronError(
    'MODEL_NOT_FOUND',
    `there is no model '${ref}': looked for ${candidates.join(' and ')}${
      names.length > 0 ? `; models that come with the program: ${names.join(', ')}` : ''
    }; name a folder or a file (graph.json, model.json) by path or URL`,
    { details: { ref, candidates } },
  );
}

/** `undefined` when there is no such file. */
async function textOf(
  bytes: ByteSource,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readAll(bytes, limitBytes, 'MODEL_CORRUPT', signal));
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  if (!(error instanceof PeerceptronError) || error.code !== 'WEIGHTS_UNAVAILABLE') return false;
  const { status, reason } = error.details;
  return status === 404 || status === 410 || ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(String(reason));
}

/** Class names from a file beside the model: Teachable Machine's `metadata.json`, or a list in `labels.json`. */
async function findLabels(
  graph: Graph,
  open: OpenBytes,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const shape = tensorShapes(graph).get(graph.outputs.at(-1)!)!;
  if (graph.outputs.length !== 1 || shape.length !== 1) return undefined;
  for (const name of ['metadata.json', 'labels.json']) {
    const labels = labelsIn(await textOf(open(name), LABELS_LIMIT_BYTES, signal).catch(() => undefined));
    if (labels?.length === shape[0]) return labels;
  }
  return undefined;
}

function labelsIn(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    const list: unknown = isObject(json) ? json['labels'] : json;
    return Array.isArray(list) && list.every((label) => typeof label === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}
