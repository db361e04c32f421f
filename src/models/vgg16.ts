import type { Graph } from '../graph/graph.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { imageEncoding } from './image-encoding.ts';
import { Layers, scaled, type NetworkOptions } from './layers.ts';

/** Channels and number of the convolutions of each block. */
const BLOCKS = [
  [64, 2],
  [128, 2],
  [256, 3],
  [512, 3],
  [512, 3],
] as const;

/**
 * VGG16 (arXiv:1409.1556, configuration D) with the layer names of Keras Applications: 138,357,544 parameters, 15.47 G
 * multiply-accumulates at 224×224.
 */
export function vgg16({ inputShape = [224, 224, 3], width, classes = 1000 }: NetworkOptions = {}): Graph {
  const builder = new GraphBuilder();
  const net = new Layers(builder);
  let value = builder.input('image', inputShape, imageEncoding('caffe', 3));
  for (const [index, [channels, count]] of BLOCKS.entries()) {
    const block = `block${index + 1}`;
    for (let conv = 1; conv <= count; conv++) {
      value = net.conv(`${block}_conv${conv}`, value, { channels: scaled(channels, width), size: [3, 3] });
    }
    value = net.maxPool(`${block}_pool`, value, [2, 2], [2, 2]);
  }
  value = net.dense('fc1', value, scaled(4096, width));
  value = net.dense('fc2', value, scaled(4096, width));
  return builder.graph('vgg16', [net.classes('predictions', value, classes)]);
}
