import { PeerceptronError } from '../shared/errors.ts';
import { ConfigReader, corrupt, isObject, shown, type JsonObject } from './json-reader.ts';

/** More is not a network that anyone runs, but a file that keeps the importer busy. */
const LAYER_LIMIT = 10_000;
const NESTING_LIMIT = 16;

/** The output `tensor` of call number `call` of `layer`. */
export interface TensorReference {
  readonly layer: string;
  readonly call: number;
  readonly tensor: number;
}

export interface LayerSpec {
  readonly name: string;
  readonly className: string;
  readonly config: ConfigReader;
  /** Inputs of each call; a layer called twice shares its weights. Empty for input layers and in sequential models. */
  readonly calls: readonly (readonly TensorReference[])[];
  /** The layers inside, when the layer is a model. */
  readonly model?: ModelSpec;
}

export type ModelSpec =
  | { readonly kind: 'sequential'; readonly name: string; readonly layers: readonly LayerSpec[] }
  | {
      readonly kind: 'functional';
      readonly name: string;
      readonly layers: readonly LayerSpec[];
      readonly inputs: readonly TensorReference[];
      readonly outputs: readonly TensorReference[];
    };

const MODEL_CLASSES: Readonly<Record<string, ModelSpec['kind']>> = {
  Sequential: 'sequential',
  Model: 'functional',
  Functional: 'functional',
};

/**
 * The topology of a Keras model as Keras 1 to 3 and TensorFlow.js write it: `{ class_name, config }`.
 * Throws `MODEL_CORRUPT`, or `MODEL_UNSUPPORTED` for a class of model that is neither sequential nor functional.
 */
export function parseKerasModel(raw: unknown): ModelSpec {
  if (!isObject(raw)) return corrupt('the model', `the topology should be an object, it is ${shown(raw)}`);
  const className = raw['class_name'];
  const kind = typeof className === 'string' ? kindOf(className) : undefined;
  if (!kind) {
    throw new PeerceptronError(
      typeof className === 'string' ? 'MODEL_UNSUPPORTED' : 'MODEL_CORRUPT',
      `the topology is of class ${shown(className)}; supported are ${Object.keys(MODEL_CLASSES).join(', ')}: export the model as a sequential or functional one`,
    );
  }
  return parseModel(kind, raw['config'], 'the model', 'model', { layers: 0 }, 0);
}

const kindOf = (className: string): ModelSpec['kind'] | undefined =>
  Object.hasOwn(MODEL_CLASSES, className) ? MODEL_CLASSES[className] : undefined;

function parseModel(
  kind: ModelSpec['kind'],
  config: unknown,
  where: string,
  fallbackName: string,
  count: { layers: number },
  depth: number,
): ModelSpec {
  if (depth > NESTING_LIMIT) corrupt(where, `models are nested more than ${NESTING_LIMIT} deep`);
  // Keras 1 and early TensorFlow.js write a sequential model's configuration as the bare list of layers.
  const body: JsonObject = isObject(config) ? config : { layers: config };
  const list = body['layers'];
  if (!Array.isArray(list) || list.length === 0) return corrupt(where, `it has no list of 'layers'`);
  count.layers += list.length;
  if (count.layers > LAYER_LIMIT) corrupt(where, `it has more than ${LAYER_LIMIT} layers`);
  const name = typeof body['name'] === 'string' ? body['name'] : fallbackName;
  const layers = list.map((raw: unknown, index) =>
    parseLayer(raw, `layer ${index + 1} of ${where}`, kind, index, count, depth),
  );
  const names = new Set<string>();
  for (const layer of layers) {
    if (names.has(layer.name)) corrupt(where, `two layers are named '${layer.name}'`);
    names.add(layer.name);
  }
  if (kind === 'sequential') return { kind, name, layers };
  return {
    kind,
    name,
    layers,
    inputs: references(body['input_layers'], `'input_layers' of ${where}`),
    outputs: references(body['output_layers'], `'output_layers' of ${where}`),
  };
}

function parseLayer(
  raw: unknown,
  where: string,
  parent: ModelSpec['kind'],
  index: number,
  count: { layers: number },
  depth: number,
): LayerSpec {
  if (!isObject(raw)) return corrupt(where, `it should be an object, it is ${shown(raw)}`);
  const className = raw['class_name'];
  if (typeof className !== 'string') {
    return corrupt(where, `'class_name' should be a text, it is ${shown(className)}`);
  }
  const config = raw['config'];
  const inner = isObject(config) ? config['name'] : undefined;
  const name = [raw['name'], inner, `${className.toLowerCase()}_${index + 1}`].find(
    (candidate): candidate is string => typeof candidate === 'string' && candidate !== '',
  )!;
  const title = `layer '${name}' of type ${className}`;
  const kind = kindOf(className);
  if (!kind && !isObject(config)) {
    return corrupt(title, `'config' should be an object, it is ${shown(config)}`);
  }
  return {
    name,
    className,
    config: new ConfigReader(title, isObject(config) ? config : {}),
    calls: parent === 'sequential' ? [] : calls(raw['inbound_nodes'], title),
    ...(kind ? { model: parseModel(kind, config, title, name, count, depth + 1) } : {}),
  };
}

function calls(raw: unknown, where: string): TensorReference[][] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) return corrupt(where, `'inbound_nodes' should be a list, it is ${shown(raw)}`);
  return raw.map((node: unknown) => {
    if (isObject(node)) return kerasTensors(node['args'], where, []);
    return references(node, `'inbound_nodes' of ${where}`);
  });
}

/** `[["conv", 0, 0, {}], …]`, or a single `["conv", 0, 0]`. */
function references(raw: unknown, where: string): TensorReference[] {
  if (!Array.isArray(raw)) return corrupt(where, `it should be a list, it is ${shown(raw)}`);
  const list: unknown[] = typeof raw[0] === 'string' ? [raw] : raw;
  return list.map((item) => {
    const [layer, call, tensor] = Array.isArray(item) ? (item as unknown[]) : [];
    return reference(layer, call, tensor, where, item);
  });
}

/** Keras 3 writes calls as nested arguments in which every tensor carries its history. */
function kerasTensors(raw: unknown, where: string, found: TensorReference[], depth = 0): TensorReference[] {
  if (depth > NESTING_LIMIT) corrupt(where, 'call arguments are nested too deep');
  if (Array.isArray(raw)) {
    for (const item of raw as unknown[]) kerasTensors(item, where, found, depth + 1);
  } else if (isObject(raw) && raw['class_name'] === '__keras_tensor__') {
    const history: unknown = isObject(raw['config']) ? raw['config']['keras_history'] : undefined;
    const [layer, call, tensor] = Array.isArray(history) ? (history as unknown[]) : [];
    found.push(reference(layer, call, tensor, where, history));
  }
  return found;
}

function reference(
  layer: unknown,
  call: unknown,
  tensor: unknown,
  where: string,
  raw: unknown,
): TensorReference {
  const index = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (typeof layer !== 'string' || !index(call) || !index(tensor)) {
    return corrupt(where, `${shown(raw)} does not name a layer's output as [layer, call, output]`);
  }
  return { layer, call, tensor };
}
