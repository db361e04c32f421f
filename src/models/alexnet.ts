import type { Graph } from '../graph/graph.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { Padding } from '../graph/op.ts';
import { imageEncoding } from './image-encoding.ts';
import { Layers, scaled, type NetworkOptions } from './layers.ts';

const square = (extent: number): number[] => [extent, extent];
const around = (extent: number): Padding[] => [
  [extent, extent],
  [extent, extent],
];

/**
 * AlexNet with a single tower (arXiv:1404.5997), as torchvision lays it out: 61,100,840 parameters, 0.71 G
 * multiply-accumulates at 224×224.
 */
export function alexnet({ inputShape = [224, 224, 3], width, classes = 1000 }: NetworkOptions = {}): Graph {
  const builder = new GraphBuilder();
  const net = new Layers(builder);
  const conv = (name: string, channels: number, size: number, padding: number, stride = 1): void => {
    value = net.conv(name, value, {
      channels: scaled(channels, width),
      size: square(size),
      strides: square(stride),
      padding: around(padding),
    });
  };
  const pool = (name: string): void => {
    value = net.maxPool(name, value, square(3), square(2));
  };
  let value = builder.input('image', inputShape, imageEncoding('torch', 3));
  conv('conv1', 64, 11, 2, 4);
  pool('pool1');
  conv('conv2', 192, 5, 2);
  pool('pool2');
  conv('conv3', 384, 3, 1);
  conv('conv4', 256, 3, 1);
  conv('conv5', 256, 3, 1);
  pool('pool5');
  value = net.dense('fc6', value, scaled(4096, width));
  value = net.dense('fc7', value, scaled(4096, width));
  return builder.graph('alexnet', [net.classes('fc8', value, classes)]);
}
