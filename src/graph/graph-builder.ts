import { formatShape, shapeSize, type Shape } from './box.ts';
import type { Graph, GraphInput, ImageEncoding, OpNode, TensorId } from './graph.ts';
import type { Op } from './op.ts';
import { definitionOf, parseOp } from './ops/index.ts';
import { PeerceptronError } from '../shared/errors.ts';

/**
 * A tensor as the imported model sees it. Where `shape` and `stored` differ it is a view: the elements of the graph's
 * tensor, row-major, read in another shape. A flatten before a dense layer never becomes an op that way.
 */
export interface Value {
  readonly tensor: TensorId;
  readonly stored: Shape;
  readonly shape: Shape;
  /** The name that a reshape op gets, should the view have to become a tensor. */
  readonly name: string;
}

export interface ChainOp {
  /** Tells the ops of one layer apart; the last op of a chain has the layer's own name. */
  readonly part: string;
  readonly op: Op;
  readonly weights?: Readonly<Record<string, string>>;
}

/** Grows a graph op by op, with shapes known throughout. */
export class GraphBuilder {
  readonly #inputs: GraphInput[] = [];
  readonly #nodes: OpNode[] = [];
  readonly #shapes = new Map<TensorId, Shape>();
  readonly #made = new Map<string, Value>();

  input(name: string, shape: Shape, image?: ImageEncoding): Value {
    const id = this.#freeId(name);
    this.#inputs.push({ id, shape, ...(image ? { image } : {}) });
    this.#shapes.set(id, shape);
    return { tensor: id, stored: shape, shape, name: id };
  }

  /**
   * Adds one op. Throws `MODEL_CORRUPT`, naming `where`, when its attributes are out of range or its inputs do not
   * fit; views among the inputs become tensors.
   */
  op(
    name: string,
    op: Op,
    inputs: readonly Value[],
    where: string,
    weights: Readonly<Record<string, string>> = {},
  ): Value {
    const tensors = inputs.map((input) => this.tensorOf(input, where));
    const shapes = tensors.map((id) => this.#shapes.get(id)!);
    const { checked, shape } = inLayer(where, () => {
      const checked = parseOp(op);
      return { checked, shape: definitionOf(checked).outputShape(checked, shapes) };
    });
    const id = this.#freeId(name);
    this.#nodes.push({ id, op: checked, inputs: tensors, weights });
    this.#shapes.set(id, shape);
    return { tensor: id, stored: shape, shape, name: id };
  }

  /** Ops in a row. The last one is called `name`, the others `name/part`. */
  chain(name: string, input: Value, ops: readonly ChainOp[], where: string): Value {
    return ops.reduce(
      (value, { part, op, weights }, index) =>
        this.op(index === ops.length - 1 ? name : `${name}/${part}`, op, [value], where, weights),
      input,
    );
  }

  /** The same elements in another shape: no op yet. */
  view(name: string, value: Value, shape: Shape, where: string): Value {
    if (shapeSize(shape) !== shapeSize(value.shape)) {
      throw new PeerceptronError(
        'MODEL_CORRUPT',
        `${where}: ${formatShape(value.shape)} cannot be reshaped to ${formatShape(shape)}`,
      );
    }
    return { ...value, shape, name };
  }

  /** The graph's tensor that holds the value in its own shape; a view becomes a reshape op, once. */
  tensorOf(value: Value, where: string): TensorId {
    const { tensor, stored, shape, name } = value;
    if (sameShape(stored, shape)) return tensor;
    const key = JSON.stringify([tensor, shape]);
    const known = this.#made.get(key);
    if (known) return known.tensor;
    const whole: Value = { tensor, stored, shape: stored, name: tensor };
    const made = this.op(name, { kind: 'reshape', shape: [...shape] }, [whole], where);
    this.#made.set(key, made);
    return made.tensor;
  }

  /** The finished graph, without what no output needs. Throws `MODEL_CORRUPT` when there are no outputs. */
  graph(name: string, outputs: readonly Value[]): Graph {
    if (outputs.length === 0) throw new PeerceptronError('MODEL_CORRUPT', 'the model has no outputs');
    const ids = [...new Set(outputs.map((value) => this.#namedTensor(value)))];
    const needed = new Set<TensorId>(ids);
    for (const node of this.#nodes.toReversed()) {
      if (needed.has(node.id)) for (const id of node.inputs) needed.add(id);
    }
    return {
      name,
      inputs: this.#inputs,
      nodes: this.#nodes.filter((node) => needed.has(node.id)),
      outputs: ids,
    };
  }

  #namedTensor(value: Value): TensorId {
    const id = this.tensorOf(value, `output '${value.name}'`);
    // An input that is handed through as an output needs an op to be an output of.
    return this.#inputs.some((input) => input.id === id)
      ? this.op(`${id}/output`, { kind: 'identity' }, [value], 'the model').tensor
      : id;
  }

  #freeId(name: string): TensorId {
    if (!this.#shapes.has(name)) return name;
    let copy = 2;
    while (this.#shapes.has(`${name}:${copy}`)) copy += 1;
    return `${name}:${copy}`;
  }
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

/** What does not fit in a graph is a fault of the model file: say in which layer. */
function inLayer<T>(where: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof PeerceptronError)) throw error;
    throw new PeerceptronError('MODEL_CORRUPT', `${where}: ${error.message}`, {
      cause: error,
      details: error.details,
    });
  }
}
