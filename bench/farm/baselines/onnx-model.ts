import { fullBox, shapeSize, type Shape } from '../../../src/graph/box.ts';
import { consumersOf } from '../../../src/graph/consumers.ts';
import type { Graph, OpNode, TensorId } from '../../../src/graph/graph.ts';
import { inputShapes, tensorShapes } from '../../../src/graph/shapes.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { checkWeights } from '../../../src/weights/seeded-model.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';
import { onnxActivation } from '../../../src/engine/onnx-activation.ts';
import {
  encodeModel,
  type OnnxAttribute,
  type OnnxFiles,
  type OnnxNode,
  type OnnxTensor,
} from '../../../src/engine/onnx-proto.ts';
import { convKernel, denseKernel } from '../../../src/engine/onnx-weights.ts';

/**
 * The network as an ONNX model (opset 20), as a framework that works channels first would write it: inputs and outputs
 * are `[1, ...shape]`, channels last, and are transposed once; in between tensors are `[1, channels, ...spatial]`, and
 * weights are laid out for that. Biases belong to their convolution or dense layer; batch norms are ops of their own,
 * where they have not been folded before.
 * @throws OP_UNSUPPORTED naming the op, WEIGHTS_MISSING, WEIGHTS_CORRUPT
 */
export async function onnxModel(graph: Graph, weights: WeightSource): Promise<OnnxFiles> {
  checkWeights(graph, weights);
  const exporter = new Exporter(graph, weights);
  for (const { id, shape } of graph.inputs) exporter.begin(id, shape);
  for (const node of graph.nodes) await exporter.add(node);
  for (const id of graph.outputs) exporter.end(id);
  const shapes = tensorShapes(graph);
  return encodeModel({
    name: graph.name,
    nodes: exporter.nodes,
    tensors: exporter.tensors,
    inputs: graph.inputs.map(({ id, shape }) => ({ name: inputName(id), shape: [1, ...shape] })),
    outputs: graph.outputs.map((id) => ({ name: outputName(id), shape: [1, ...shapes.get(id)!] })),
  });
}

/** What the model calls its input and its output; inside, tensors have their ids. */
export const inputName = (id: TensorId): string => `input:${id}`;
export const outputName = (id: TensorId): string => `output:${id}`;

const int = (value: number): OnnxAttribute => ({ type: 'int', value });
const ints = (value: readonly number[]): OnnxAttribute => ({ type: 'ints', value });
const float = (value: number): OnnxAttribute => ({ type: 'float', value });

/** Where an axis of a tensor of this rank lies, channels first behind the batch. */
const axisOf = (axis: number, rank: number): number => (axis === rank - 1 ? 1 : axis + 2);

const MERGES = { add: 'Sum', maximum: 'Max', minimum: 'Min', average: 'Mean', subtract: 'Sub' } as const;

class Exporter {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #shapes: ReadonlyMap<TensorId, Shape>;
  readonly #consumers: ReadonlyMap<TensorId, readonly OpNode[]>;
  readonly #outputs: ReadonlySet<TensorId>;
  readonly #weights: WeightSource;
  /** Layers that add the bias behind them. */
  readonly #biased = new Set<TensorId>();

  constructor(graph: Graph, weights: WeightSource) {
    this.#shapes = tensorShapes(graph);
    this.#consumers = consumersOf(graph);
    this.#outputs = new Set(graph.outputs);
    this.#weights = weights;
  }

  begin(id: TensorId, shape: Shape): void {
    const spatial = shape.slice(1).map((_, axis) => axis + 1);
    this.#emit('Transpose', [inputName(id)], id, { perm: ints([0, shape.length, ...spatial]) });
  }

  end(id: TensorId): void {
    const spatial = this.#shapes.get(id)!.slice(1).map((_, axis) => axis + 2); // prettier-ignore
    this.#emit('Transpose', [id], outputName(id), { perm: ints([0, ...spatial, 1]) });
  }

  async add(node: OpNode): Promise<void> {
    const { id, op, inputs } = node;
    const [shape] = inputShapes(node, this.#shapes) as [Shape];
    const rank = shape.length;
    switch (op.kind) {
      case 'conv': {
        const inChannels = shape.at(-1)! / op.groups;
        const window = shapeSize(op.kernelSize);
        const order = { taps: 1, places: window, inChannels, outChannels: op.outChannels };
        const kernel = convKernel(await this.#read(node, 'kernel'), order);
        const name = this.#constant(`${id}/kernel`, [op.outChannels, inChannels, ...op.kernelSize], kernel);
        const { strides, dilations, padding } = op;
        const attributes = { ...windowed(op.kernelSize, strides, dilations, padding), group: int(op.groups) };
        return this.#linear(node, 'Conv', [inputs[0]!, name], attributes);
      }
      case 'dense': {
        const channels = shape.at(-1)!;
        const kernel = denseKernel(
          await this.#read(node, 'kernel'),
          shapeSize(shape) / channels,
          channels,
          op.units,
        );
        const name = this.#constant(`${id}/kernel`, [shapeSize(shape), op.units], kernel);
        const flat = rank === 1 ? inputs[0]! : `${id}/flat`;
        if (rank > 1) this.#emit('Flatten', inputs, flat, { axis: int(1) });
        return this.#linear(node, 'Gemm', [flat, name]);
      }
      case 'bias': {
        if (this.#biased.has(inputs[0]!)) return;
        const bias = await this.#read(node, 'bias');
        const spread = [bias.length, ...shape.slice(1).map(() => 1)];
        return this.#emit('Add', [...inputs, this.#constant(`${id}/bias`, spread, bias)], id);
      }
      case 'batch-norm': {
        const vectors: string[] = [];
        for (const [role, otherwise] of [['gamma', 1], ['beta', 0], ['mean', 0], ['variance', 1]] as const) {
          const known = node.weights[role] !== undefined;
          const values = known ? await this.#read(node, role) : new Float32Array(shape.at(-1)!).fill(otherwise);
          vectors.push(this.#constant(`${id}/${role}`, [values.length], values));
        } // prettier-ignore
        return this.#emit('BatchNormalization', [...inputs, ...vectors], id, { epsilon: float(op.epsilon) });
      }
      case 'activation': {
        const activation = onnxActivation(op);
        if (!activation) {
          this.#emit('Sigmoid', inputs, `${id}/gate`);
          return this.#emit('Mul', [...inputs, `${id}/gate`], id);
        }
        const operands = (activation.operands ?? []).map((value, index) =>
          this.#constant(`${id}/operand${index}`, [], Float32Array.of(value)),
        );
        return this.#emit(activation.op, [...inputs, ...operands], id, activation.attributes);
      }
      case 'max-pool':
      case 'avg-pool': {
        const dilations = op.dilations ?? op.poolSize.map(() => 1);
        const attributes = windowed(op.poolSize, op.strides, dilations, op.padding);
        if (op.kind === 'max-pool') return this.#emit('MaxPool', inputs, id, attributes);
        const counted = { ...attributes, count_include_pad: int(Number(op.countPadding)) };
        return this.#emit('AveragePool', inputs, id, counted);
      }
      case 'global-pool': {
        const pool = op.mode === 'avg' ? 'GlobalAveragePool' : 'GlobalMaxPool';
        if (op.keepDims) return this.#emit(pool, inputs, id);
        this.#emit(pool, inputs, `${id}/pooled`);
        return this.#emit('Flatten', [`${id}/pooled`], id, { axis: int(1) });
      }
      case 'merge':
        if (op.mode === 'multiply') return this.#product(inputs, id);
        return this.#emit(MERGES[op.mode], inputs, id);
      case 'concat':
        return this.#emit('Concat', inputs, id, { axis: int(axisOf(op.axis, rank)) });
      case 'softmax':
        return this.#emit('Softmax', inputs, id, { axis: int(axisOf(op.axis, rank)) });
      case 'lrn': {
        const size = 2 * op.radius + 1;
        // ONNX divides by the size of the window.
        const [alpha, beta, bias] = [float(op.alpha * size), float(op.beta), float(op.bias)];
        return this.#emit('LRN', inputs, id, { size: int(size), alpha, beta, bias });
      }
      case 'identity':
        return this.#emit('Identity', inputs, id);
      case 'pad':
      case 'reshape':
      case 'upsample':
        throw new PeerceptronError(
          'OP_UNSUPPORTED',
          `op "${id}": ${op.kind} is not written to ONNX here, for none of the networks that are compared has it: compare another one`,
          { details: { op: id, kind: op.kind } },
        );
    }
  }

  /** Of two factors each, as `Mul` takes them. */
  #product(inputs: readonly string[], output: string): void {
    let product = inputs[0]!;
    for (const [index, factor] of inputs.slice(1).entries()) {
      const name = index === inputs.length - 2 ? output : `${output}/product${index}`;
      this.#emit('Mul', [product, factor], name);
      product = name;
    }
  }

  /** With the bias behind it, where nobody else reads what lies between. */
  async #linear(
    node: OpNode,
    op: string,
    inputs: readonly string[],
    attributes: OnnxNode['attributes'] = {},
  ): Promise<void> {
    const [next, ...others] = this.#consumers.get(node.id) ?? [];
    if (next?.op.kind !== 'bias' || others.length > 0 || this.#outputs.has(node.id)) {
      return this.#emit(op, inputs, node.id, attributes);
    }
    this.#biased.add(node.id);
    const values = await this.#read(next, 'bias');
    const bias = this.#constant(`${next.id}/bias`, [values.length], values);
    return this.#emit(op, [...inputs, bias], next.id, attributes);
  }

  /** The whole weight, row-major in our order. */
  #read({ weights }: OpNode, role: string): Promise<Float32Array> {
    const name = weights[role]!;
    return this.#weights.read(name, fullBox(this.#weights.tensors.get(name)!.shape));
  }

  #constant(name: string, shape: Shape, values: Float32Array): string {
    const unique = `constant:${name}`;
    this.tensors.push({ name: unique, shape, values });
    return unique;
  }

  #emit(
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: OnnxNode['attributes'] = {},
  ): void {
    this.nodes.push({ op, inputs, output, attributes });
  }
}

function windowed(
  size: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  padding: readonly (readonly [before: number, after: number])[],
): Record<string, OnnxAttribute> {
  return {
    kernel_shape: ints(size),
    strides: ints(strides),
    dilations: ints(dilations),
    // All that come before the data, then all behind it.
    pads: ints([...padding.map(([before]) => before), ...padding.map(([, after]) => after)]),
  };
}
