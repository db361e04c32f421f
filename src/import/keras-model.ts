import { formatShape, type Shape } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { GraphBuilder, type Value } from '../graph/graph-builder.ts';
import { corrupt, shown } from './json-reader.ts';
import { importLayer } from './keras-layers.ts';
import type { LayerSpec, ModelSpec, TensorReference } from './keras-topology.ts';
import { WeightNames, type FileTensor, type WeightView } from './weight-names.ts';

export interface ImportOptions {
  /** Name of the graph; the model's own by default. */
  readonly name?: string;
  /**
   * Shape of the input, without the batch axis, or shapes by input name: needed where the model leaves sizes open,
   * and takes precedence over the model's own where the model works at any size.
   */
  readonly inputShape?: Shape | Readonly<Record<string, Shape>>;
}

export interface ImportedGraph {
  readonly graph: Graph;
  /** By the graph's weight names: which tensor of the file, in which shape. */
  readonly weights: ReadonlyMap<string, WeightView>;
}

/** Where a walk through nested models stands. */
interface Scope {
  readonly path: readonly string[];
  readonly prefix: string;
}

/**
 * A Keras model as a graph. `files`: the tensors of the weights file, or `undefined` for a topology alone.
 * @throws MODEL_CORRUPT, MODEL_UNSUPPORTED, WEIGHTS_MISSING, WEIGHTS_CORRUPT
 */
export function importKerasModel(
  model: ModelSpec,
  files: readonly FileTensor[] | undefined,
  options: ImportOptions = {},
): ImportedGraph {
  const walk = new ModelWalk(files, options);
  const outputs = walk.run(model, walk.inputsOf(model), { path: [], prefix: '' });
  const graph = walk.builder.graph(options.name ?? model.name, outputs);
  const used = new Set(graph.nodes.flatMap((node) => Object.values(node.weights)));
  return { graph, weights: new Map([...walk.names.views].filter(([name]) => used.has(name))) };
}

class ModelWalk {
  readonly builder = new GraphBuilder();
  readonly names: WeightNames;
  readonly #options: ImportOptions;

  constructor(files: readonly FileTensor[] | undefined, options: ImportOptions) {
    this.names = new WeightNames(files);
    this.#options = options;
  }

  inputsOf(model: ModelSpec): Value[] {
    if (model.kind === 'sequential') {
      const first = model.layers[0]!;
      const name = first.className === 'InputLayer' ? first.name : `${first.name}_input`;
      return [this.#input(name, declaredShape(first))];
    }
    const layers = new Map(model.layers.map((layer) => [layer.name, layer]));
    return model.inputs.map((reference) => {
      const layer = layers.get(reference.layer);
      if (!layer) return corrupt('the model', `its input layer '${reference.layer}' is not among its layers`);
      return this.#input(layer.name, declaredShape(layer));
    });
  }

  #input(name: string, declared: readonly (number | null)[] | undefined): Value {
    const { inputShape } = this.#options;
    const own = isShape(inputShape) ? inputShape : inputShape?.[name];
    if (own && declared && own.length !== declared.length) {
      throw new PeerceptronError(
        'USAGE',
        `input '${name}' has ${declared.length} axes (without the batch), the input shape ${formatShape(own)} has ${own.length}`,
      );
    }
    const shape = own ?? declared;
    if (!shape) {
      return corrupt(`input '${name}'`, 'the file does not say its shape; give one (without the batch axis)');
    }
    if (!shape.every((extent): extent is number => extent !== null)) {
      const sizes = shape.map((extent) => extent ?? '?').join(', ');
      throw new PeerceptronError(
        'MODEL_UNSUPPORTED',
        `input '${name}' leaves sizes open: [${sizes}]; give the input shape to run it with, for example ${formatShape(shape.map((extent) => extent ?? 224))}`,
        { details: { input: name, shape } },
      );
    }
    if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 1)) {
      return corrupt(`input '${name}'`, `${formatShape(shape)} is not a shape`);
    }
    return this.builder.input(name, shape);
  }

  run(model: ModelSpec, inputs: readonly Value[], scope: Scope): Value[] {
    if (model.kind === 'functional') return this.#runFunctional(model, inputs, scope);
    let values = [...inputs];
    for (const layer of model.layers) {
      if (layer.className !== 'InputLayer') values = this.#call(layer, values, scope);
    }
    return values;
  }

  #runFunctional(
    model: Extract<ModelSpec, { kind: 'functional' }>,
    inputs: readonly Value[],
    scope: Scope,
  ): Value[] {
    const where = `model '${model.name}'`;
    if (inputs.length !== model.inputs.length) {
      corrupt(where, `it takes ${model.inputs.length} inputs, it is given ${inputs.length}`);
    }
    const made = new Map<string, Value[]>();
    model.inputs.forEach((input, index) => made.set(callKey(input), [inputs[index]!]));
    const firstCalls = firstCallNumbers(model);
    let pending = model.layers.flatMap((layer) =>
      layer.calls.map((from, index) => ({
        layer,
        from,
        key: callKey({ layer: layer.name, call: (firstCalls.get(layer.name) ?? 0) + index }),
      })),
    );
    const valueOf = (reference: TensorReference): Value | undefined =>
      made.get(callKey(reference))?.[reference.tensor];
    while (pending.length > 0) {
      // Files list layers in an order that can be computed, as a rule; if not, later rounds catch up.
      const waiting = pending.filter(({ layer, from, key }) => {
        if (made.has(key)) return false;
        const given = from.map(valueOf).filter((value) => value !== undefined);
        if (given.length < from.length) return true;
        made.set(key, this.#call(layer, given, scope));
        return false;
      });
      if (waiting.length === pending.length) {
        const { layer, from } = waiting[0]!;
        const missing = from.find((reference) => !valueOf(reference))!;
        corrupt(
          layer.config.where,
          `its input '${missing.layer}' (call ${missing.call}, output ${missing.tensor}) does not exist or depends on it`,
        );
      }
      pending = waiting;
    }
    return model.outputs.map(
      (reference) =>
        valueOf(reference) ??
        corrupt(where, `its output '${reference.layer}' is not among its layers' outputs`),
    );
  }

  #call(layer: LayerSpec, inputs: readonly Value[], scope: Scope): Value[] {
    if (layer.model) {
      return this.run(layer.model, inputs, {
        path: [...scope.path, layer.name],
        prefix: `${scope.prefix}${layer.name}/`,
      });
    }
    return [
      importLayer({
        name: `${scope.prefix}${layer.name}`,
        className: layer.className,
        config: layer.config,
        inputs,
        builder: this.builder,
        weight: (weight, index, shape, view = shape) =>
          this.names.take({ path: scope.path, layer: layer.name, weight, index, shape, view }),
      }),
    ];
  }
}

const callKey = ({ layer, call }: { layer: string; call: number }): string => JSON.stringify([layer, call]);

const isShape = (value: ImportOptions['inputShape']): value is Shape => Array.isArray(value);

/**
 * Keras numbers the calls of a nested model from one on (its own construction was call zero) or from zero on,
 * depending on the version; every call is used somewhere, so the lowest number in use tells.
 */
function firstCallNumbers(model: Extract<ModelSpec, { kind: 'functional' }>): Map<string, number> {
  const nested = new Set(model.layers.filter((layer) => layer.model).map((layer) => layer.name));
  const lowest = new Map<string, number>();
  const references = [...model.outputs, ...model.layers.flatMap((layer) => layer.calls.flat())];
  for (const { layer, call } of references) {
    if (nested.has(layer)) lowest.set(layer, Math.min(call, lowest.get(layer) ?? Infinity));
  }
  return lowest;
}

/** The input shape that a layer states, without the batch axis; a model states that of its first layer. */
function declaredShape(layer: LayerSpec): (number | null)[] | undefined {
  const raw = layer.config.raw('batch_input_shape', 'batch_shape', 'build_input_shape');
  if (raw === undefined && layer.model) {
    const { layers } = layer.model;
    const inner =
      layer.model.kind === 'sequential'
        ? layers[0]
        : layers.find(
            ({ name }) => layer.model?.kind === 'functional' && layer.model.inputs[0]?.layer === name,
          );
    return inner && declaredShape(inner);
  }
  if (raw === undefined) return undefined;
  // Keras 3 nests the shape of a single input.
  const list: unknown = Array.isArray(raw) && raw.length === 1 && Array.isArray(raw[0]) ? raw[0] : raw;
  const legal = (item: unknown): item is number | null => item === null || typeof item === 'number';
  if (!Array.isArray(list) || list.length < 2 || !list.every(legal)) {
    return corrupt(layer.config.where, `${shown(raw)} is not an input shape`);
  }
  return list.slice(1);
}
