import type { Graph, OpNode, TensorId } from '../../src/graph/graph.ts';
import type { Op, Padding } from '../../src/graph/op.ts';
import type { Shape } from '../../src/graph/box.ts';

/** Builds a chain, an op at a time; weights are named `id/role`. */
export class Chain {
  readonly nodes: OpNode[] = [];
  readonly #input: Shape;

  constructor(input: Shape) {
    this.#input = input;
  }

  add(id: TensorId, op: Op, roles: readonly string[] = [], inputs?: readonly TensorId[]): this {
    this.nodes.push({
      id,
      op,
      inputs: inputs ?? [this.nodes.at(-1)?.id ?? 'input'],
      weights: Object.fromEntries(roles.map((role) => [role, `${id}/${role}`])),
    });
    return this;
  }

  /** Square kernel in two dimensions, then a bias. */
  conv(id: TensorId, size: number, outChannels: number, pad = 0, stride = 1): this {
    const padding: Padding[] = [
      [pad, pad],
      [pad, pad],
    ];
    const op: Op = {
      kind: 'conv',
      kernelSize: [size, size],
      strides: [stride, stride],
      dilations: [1, 1],
      padding,
      groups: 1,
      outChannels,
    };
    return this.add(id, op, ['kernel']).add(`${id}/bias`, { kind: 'bias' }, ['bias']);
  }

  dense(id: TensorId, units: number): this {
    return this.add(id, { kind: 'dense', units }, ['kernel']).add(`${id}/bias`, { kind: 'bias' }, ['bias']);
  }

  relu(id: TensorId): this {
    return this.add(id, { kind: 'activation', function: 'relu' });
  }

  pool(id: TensorId, kind: 'max-pool' | 'avg-pool' = 'max-pool'): this {
    const shared = {
      poolSize: [2, 2],
      strides: [2, 2],
      padding: [
        [0, 0],
        [0, 0],
      ] as Padding[],
    };
    return this.add(id, kind === 'max-pool' ? { kind, ...shared } : { kind, ...shared, countPadding: false });
  }

  graph(name: string, outputs?: readonly TensorId[]): Graph {
    return {
      name,
      inputs: [{ id: 'input', shape: this.#input }],
      nodes: this.nodes,
      outputs: outputs ?? [this.nodes.at(-1)!.id],
    };
  }
}

/** LeNet-5 on 28×28 digits: 61,706 parameters, 416,520 multiply-accumulates. */
export function lenet(): Graph {
  return new Chain([28, 28, 1])
    .conv('conv1', 5, 6, 2)
    .relu('relu1')
    .pool('pool1')
    .conv('conv2', 5, 16)
    .relu('relu2')
    .pool('pool2')
    .dense('fc1', 120)
    .relu('relu3')
    .dense('fc2', 84)
    .relu('relu4')
    .dense('fc3', 10)
    .add('softmax', { kind: 'softmax', axis: 0 })
    .graph('lenet');
}

/** VGG16 (arXiv:1409.1556, configuration D) at 224×224. */
export function vgg16(): Graph {
  const chain = new Chain([224, 224, 3]);
  [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ].forEach((block, i) => {
    block.forEach((channels, j) => {
      chain.conv(`conv${i + 1}_${j + 1}`, 3, channels, 1).relu(`relu${i + 1}_${j + 1}`);
    });
    chain.pool(`pool${i + 1}`);
  });
  return chain
    .dense('fc1', 4096)
    .relu('relu6')
    .dense('fc2', 4096)
    .relu('relu7')
    .dense('fc3', 1000)
    .add('softmax', { kind: 'softmax', axis: 0 })
    .graph('vgg16');
}
