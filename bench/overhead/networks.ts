import { foldBatchNorm } from '../../src/graph/fold.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { GraphBuilder, type Value } from '../../src/graph/graph-builder.ts';
import { simplify } from '../../src/graph/simplify.ts';
import { Layers, samePadding } from '../../src/models/layers.ts';
import { seededModelWeights, type SeededWeights } from '../../src/weights/seeded-model.ts';
import { seededSource, seededTensors } from '../../src/weights/seeded-source.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';

/** Of the weights of every network. */
export const NETWORK_SEED = 1;

/** A network with random weights: as published, for the plain side, and as a session takes it. */
export interface Network {
  readonly original: Graph;
  readonly originalWeights: WeightSource;
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly seeded: SeededWeights;
}

export function seededNetwork(original: Graph): Network {
  const seeded = { seed: NETWORK_SEED, unfolded: original };
  return {
    original,
    originalWeights: seededSource(seededTensors(original), NETWORK_SEED),
    graph: foldBatchNorm(simplify(original)).graph,
    weights: seededModelWeights(seeded),
    seeded,
  };
}

/** MobileNet (arXiv:1704.04861) at its full width, 569 M multiply-accumulates at 224×224. */
export function mobilenet(): Graph {
  const builder = new GraphBuilder();
  const net = new Layers(builder);
  const relu6 = (name: string, value: Value): Value =>
    builder.op(name, { kind: 'activation', function: 'relu6' }, [value], name, {});
  const depthwise = (name: string, value: Value, stride: number): Value => {
    const channels = value.shape.at(-1)!;
    const size = [3, 3];
    const strides = [stride, stride];
    const padding = samePadding(value.shape, size, strides);
    return builder.op(
      name,
      { kind: 'conv', kernelSize: size, strides, dilations: [1, 1], padding, groups: channels, outChannels: channels },
      [value],
      name,
      { kernel: `${name}/depthwise_kernel` },
    ); // prettier-ignore
  };
  const strided = { size: [3, 3], strides: [2, 2] };
  let value = builder.input('image', [224, 224, 3]);
  value = net.conv('conv1', value, { channels: 32, ...strided, batchNorm: 'conv1_bn' });
  value = relu6('conv1_relu', value);
  const blocks = [[64, 1], [128, 2], [128, 1], [256, 2], [256, 1], [512, 2], [512, 1], [512, 1], [512, 1], [512, 1], [512, 1], [1024, 2], [1024, 1]] as const; // prettier-ignore
  for (const [index, [channels, stride]] of blocks.entries()) {
    const n = index + 1;
    value = net.batchNorm(`conv_dw_${n}_bn`, depthwise(`conv_dw_${n}`, value, stride));
    value = relu6(`conv_dw_${n}_relu`, value);
    value = net.conv(`conv_pw_${n}`, value, { channels, size: [1, 1], batchNorm: `conv_pw_${n}_bn` });
    value = relu6(`conv_pw_${n}_relu`, value);
  }
  value = net.globalAverage('pool', value);
  return builder.graph('mobilenet', [net.classes('predictions', value, 1000)]);
}
