import h5 from 'h5wasm/node';
import { fullBox, shapeSize, type Shape } from '../../src/graph/box.ts';
import type { Graph, OpNode } from '../../src/graph/graph.ts';
import { nodeWeightShapes, tensorShapes } from '../../src/graph/shapes.ts';
import type { MemoryTensor } from '../../src/weights/memory-source.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';

/** Axis `i` of the result is axis `order[i]` of the data. */
export function transpose(data: Float32Array, shape: Shape, order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shapeSize(shape.slice(axis + 1)));
  const result = new Float32Array(data.length);
  let to = 0;
  const walk = (depth: number, from: number): void => {
    if (depth === order.length) {
      result[to++] = data[from]!;
      return;
    }
    const axis = order[depth]!;
    for (let i = 0; i < shape[axis]!; i++) walk(depth + 1, from + i * strides[axis]!);
  };
  walk(0, 0);
  return result;
}

export interface NamedWeight extends MemoryTensor {
  readonly layer: string;
  readonly role: string;
  readonly node: OpNode;
}

/** Every weight of a graph, whole, in our order. */
export async function allWeights(graph: Graph, source: WeightSource): Promise<NamedWeight[]> {
  const shapes = tensorShapes(graph);
  const result: NamedWeight[] = [];
  for (const node of graph.nodes) {
    for (const { role, shape } of nodeWeightShapes(node, shapes)) {
      const name = node.weights[role]!;
      const cut = name.lastIndexOf('/');
      const data = await source.read(name, fullBox(shape));
      result.push({ name, shape, data, layer: name.slice(0, cut), role: name.slice(cut + 1), node });
    }
  }
  return result;
}

/** As PyTorch keeps it: convolutions `[out, in, ...]`, dense layers `[out, in]` over channels first. */
export function inTorchOrder({ name, shape, data, role, node }: NamedWeight): MemoryTensor {
  if (role === 'bias') return { name, shape, data };
  const rank = shape.length;
  const order = [rank - 1, rank - 2, ...Array.from({ length: rank - 2 }, (_, axis) => axis)];
  const permuted = transpose(data, shape, order);
  const whole = order.map((axis) => shape[axis]!);
  const flat = [whole[0]!, shapeSize(whole.slice(1))];
  return { name, shape: node.op.kind === 'dense' ? flat : whole, data: permuted };
}

/** As Keras keeps it: dense layers `[in, out]`, depthwise kernels `[...size, channels, 1]`. */
export function inKerasOrder({ name, shape, data, role, node }: NamedWeight): MemoryTensor {
  if (role === 'depthwise_kernel') {
    return { name, shape: [...shape.slice(0, -2), shape.at(-1)!, 1], data };
  }
  if (node.op.kind !== 'dense') return { name, shape, data };
  return { name, shape: [shapeSize(shape.slice(0, -1)), shape.at(-1)!], data };
}

/** An .h5 file with one data set per tensor; groups are made of the names' paths. */
export async function writeH5(
  path: string,
  tensors: readonly MemoryTensor[],
  modelConfig?: unknown,
): Promise<void> {
  await h5.ready;
  const file = new h5.File(path, 'w');
  for (const { name, shape, data } of tensors) {
    const parts = name.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const group = parts.slice(0, depth).join('/');
      if (file.get(group) === null) file.create_group(group);
    }
    file.create_dataset({ name, data, shape: [...shape], dtype: '<f' });
  }
  if (modelConfig !== undefined) file.create_attribute('model_config', JSON.stringify(modelConfig));
  file.close();
}
