import * as tf from '@tensorflow/tfjs';
import { fullBox, shapeSize } from '../../src/graph/box.ts';
import type { Graph, OpNode } from '../../src/graph/graph.ts';
import type { Op, Padding } from '../../src/graph/op.ts';
import { inputShapes, tensorShapes } from '../../src/graph/shapes.ts';
import { samePadding } from '../../src/models/layers.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';

export interface PlainModel {
  /** `predict` as a program calls it: upload, all layers, download. */
  predict(input: Float32Array): Float32Array;
  dispose(): void;
}

/**
 * The network as a `tf.LayersModel`, built of the layers that Keras has for it: bias and activation are arguments of
 * their layer, which TensorFlow.js then fuses; batch norms are layers. One input, one output.
 * @param graph as published, before batch norms are folded.
 */
export async function plainModel(graph: Graph, weights: WeightSource): Promise<PlainModel> {
  const shapes = tensorShapes(graph);
  const [input] = graph.inputs;
  const symbols = new Map<string, tf.SymbolicTensor>();
  const source = tf.input({ shape: [...input!.shape] });
  symbols.set(input!.id, source);

  const consumersOf = (id: string): OpNode[] => graph.nodes.filter(({ inputs }) => inputs.includes(id));
  /** The next node where it is the only reader and of this kind. */
  const followedBy = (node: OpNode, kind: Op['kind']): OpNode | undefined => {
    const [next, ...others] = consumersOf(node.id);
    return others.length === 0 && next?.op.kind === kind ? next : undefined;
  };
  const absorbed = new Set<OpNode>();

  for (const node of graph.nodes) {
    if (absorbed.has(node)) continue;
    let end = node;
    const names = Object.values(node.weights);
    const tail: { useBias: boolean; activation?: 'relu' } = { useBias: false };
    if (node.op.kind === 'conv' || node.op.kind === 'dense') {
      const bias = followedBy(end, 'bias');
      if (bias) {
        tail.useBias = true;
        names.push(...Object.values(bias.weights));
        absorbed.add((end = bias));
      }
      const next = followedBy(end, 'activation');
      if (next?.op.kind === 'activation' && next.op.function === 'relu') {
        tail.activation = 'relu';
        absorbed.add((end = next));
      }
    }
    const operands = node.inputs.map((id) => symbols.get(id)!);
    const made = apply(node, inputShapes(node, shapes)[0]!, operands, tail);
    symbols.set(end.id, made.output);
    if (made.weighted && names.length > 0) {
      const holder = made.weighted;
      const values = await Promise.all(
        names.map(async (name) => weights.read(name, fullBox(weights.tensors.get(name)!.shape))),
      );
      const tensors = holder.weights.map((weight, index) =>
        tf.tensor(values[index]!, weight.shape as number[]),
      );
      holder.setWeights(tensors);
      tf.dispose(tensors);
    }
  }
  const model = tf.model({ inputs: source, outputs: symbols.get(graph.outputs[0]!)! });
  const size = shapeSize(input!.shape);
  return {
    predict(values) {
      if (values.length !== size) throw new Error(`the input has ${values.length} elements, not ${size}`);
      const x = tf.tensor(values, [1, ...input!.shape]);
      const y = model.predict(x) as tf.Tensor;
      const result = y.dataSync<'float32'>();
      tf.dispose([x, y]);
      return result;
    },
    dispose: () => void model.dispose(),
  };
}

interface Applied {
  readonly output: tf.SymbolicTensor;
  readonly weighted?: tf.layers.Layer;
}

/** Weights are set afterwards: drawing millions of them first would take longer than the measurement. */
const zeros = { kernelInitializer: 'zeros', depthwiseInitializer: 'zeros' } as const;

function apply(
  node: OpNode,
  shape: readonly number[],
  operands: tf.SymbolicTensor[],
  tail: { readonly useBias: boolean; readonly activation?: 'relu' },
): Applied {
  const { op } = node;
  const name = node.id.replaceAll('/', '_');
  let x = operands[0]!;
  const through = (layer: tf.layers.Layer): Applied => ({
    output: layer.apply(x) as tf.SymbolicTensor,
    weighted: layer,
  });
  switch (op.kind) {
    case 'conv': {
      let padding = namedPadding(shape, op.kernelSize, op.strides, op.padding);
      if (!padding && op.padding.length === 2) {
        // As Keras' own networks do it.
        const around = op.padding as [[number, number], [number, number]];
        x = tf.layers.zeroPadding2d({ name: `${name}_pad`, padding: around }).apply(x) as tf.SymbolicTensor;
        padding = 'valid';
      }
      if (!padding) throw unnamed(op.padding);
      const common = { name, padding, strides: op.strides as [number, number], ...tail, ...zeros };
      const kernelSize = op.kernelSize as [number, number];
      if (op.groups > 1)
        return through(tf.layers.depthwiseConv2d({ ...common, kernelSize, depthMultiplier: 1 }));
      const filters = op.outChannels;
      if (op.kernelSize.length === 2) return through(tf.layers.conv2d({ ...common, kernelSize, filters }));
      return through(
        tf.layers.conv3d({ ...common, kernelSize: op.kernelSize as unknown as number, strides: op.strides as unknown as number, filters }),
      ); // prettier-ignore
    }
    case 'dense':
      if (shape.length > 1) x = tf.layers.flatten().apply(x) as tf.SymbolicTensor;
      return through(tf.layers.dense({ name, units: op.units, ...tail, ...zeros }));
    case 'bias':
      throw new Error(`${node.id}: a bias behind nothing that takes one`);
    case 'batch-norm':
      return through(tf.layers.batchNormalization({ name, epsilon: op.epsilon }));
    case 'activation':
      if (op.function === 'relu6') return through(tf.layers.reLU({ name, maxValue: 6 }));
      return through(tf.layers.activation({ name, activation: op.function as 'relu' }));
    case 'max-pool': {
      const padding = namedPadding(shape, op.poolSize, op.strides, op.padding);
      if (!padding) throw unnamed(op.padding);
      const attributes = { name, padding, poolSize: op.poolSize, strides: op.strides };
      return through(
        op.poolSize.length === 2
          ? tf.layers.maxPooling2d(attributes as Parameters<typeof tf.layers.maxPooling2d>[0])
          : tf.layers.maxPooling3d(attributes as Parameters<typeof tf.layers.maxPooling3d>[0]),
      );
    }
    case 'global-pool':
      return through(tf.layers.globalAveragePooling2d({ name }));
    case 'merge':
      return { output: tf.layers.add({ name }).apply(operands) as tf.SymbolicTensor };
    case 'softmax':
      return through(tf.layers.softmax({ name }));
    case 'avg-pool':
    case 'concat':
    case 'identity':
    case 'lrn':
    case 'pad':
    case 'reshape':
    case 'upsample':
      throw new Error(`${node.id}: ${op.kind} is in none of the networks that are compared`);
  }
}

/** What Keras calls the padding; `undefined` where it has no name for it. */
function namedPadding(
  shape: readonly number[],
  size: readonly number[],
  strides: readonly number[],
  padding: readonly Padding[],
): 'same' | 'valid' | undefined {
  if (padding.every(([before, after]) => before + after === 0)) return 'valid';
  const same = samePadding(shape, size, strides);
  return JSON.stringify(same) === JSON.stringify(padding) ? 'same' : undefined;
}

const unnamed = (padding: readonly Padding[]): Error =>
  new Error(`padding ${JSON.stringify(padding)} has no name in Keras`);
