import type { Graph } from '../graph/graph.ts';
import { GraphBuilder, type Value } from '../graph/graph-builder.ts';
import { imageEncoding } from './image-encoding.ts';
import { Layers, scaled, type NetworkOptions } from './layers.ts';

/**
 * Xception (arXiv:1610.02357) with the layer names of Keras Applications: 22,910,480 parameters with the batch norms'
 * statistics, 8.4 G multiply-accumulates at 299×299. The convolutions beside the blocks, which Keras leaves to its
 * counters (`conv2d`, `conv2d_1`, …), are called `block<n>_residual`.
 */
export function xception({ inputShape = [299, 299, 3], width, classes = 1000 }: NetworkOptions = {}): Graph {
  const builder = new GraphBuilder();
  const net = new Layers(builder);
  const channels = (count: number): number => scaled(count, width);
  const valid = [
    [0, 0],
    [0, 0],
  ] as const;

  const normedConv = (name: string, input: Value, count: number, stride: number): Value => {
    const conv = net.conv(name, input, {
      channels: channels(count),
      size: [3, 3],
      strides: [stride, stride],
      padding: valid,
      batchNorm: `${name}_bn`,
    });
    return net.relu(`${name}_act`, conv);
  };
  const separable = (name: string, input: Value, count: number): Value =>
    net.batchNorm(`${name}_bn`, net.separable(name, input, channels(count)));
  /** A block that halves the image; its shortcut is a strided 1×1 convolution. */
  const downBlock = (
    block: string,
    input: Value,
    counts: readonly [number, number],
    first: boolean,
  ): Value => {
    const shortcut = net.conv(`${block}_residual`, input, {
      channels: channels(counts[1]),
      size: [1, 1],
      strides: [2, 2],
      batchNorm: `${block}_residual_bn`,
    });
    let value = first ? input : net.relu(`${block}_sepconv1_act`, input);
    value = separable(`${block}_sepconv1`, value, counts[0]);
    value = net.relu(`${block}_sepconv2_act`, value);
    value = separable(`${block}_sepconv2`, value, counts[1]);
    value = net.maxPool(`${block}_pool`, value, [3, 3], [2, 2], 'same');
    return net.add(`${block}_add`, value, shortcut);
  };

  let value = builder.input('image', inputShape, imageEncoding('tf', 3));
  value = normedConv('block1_conv1', value, 32, 2);
  value = normedConv('block1_conv2', value, 64, 1);
  value = downBlock('block2', value, [128, 128], true);
  value = downBlock('block3', value, [256, 256], false);
  value = downBlock('block4', value, [728, 728], false);
  for (let index = 5; index <= 12; index++) {
    const block = `block${index}`;
    const shortcut = value;
    for (const part of ['sepconv1', 'sepconv2', 'sepconv3']) {
      value = separable(`${block}_${part}`, net.relu(`${block}_${part}_act`, value), 728);
    }
    value = net.add(`${block}_add`, value, shortcut);
  }
  value = downBlock('block13', value, [728, 1024], false);
  for (const [part, count] of [
    ['sepconv1', 1536],
    ['sepconv2', 2048],
  ] as const) {
    value = net.relu(`block14_${part}_act`, separable(`block14_${part}`, value, count));
  }
  value = net.globalAverage('avg_pool', value);
  return builder.graph('xception', [net.classes('predictions', value, classes)]);
}
