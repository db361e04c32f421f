import type { Graph, ImageEncoding } from '../graph/graph.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { Layers, scaled, type NetworkOptions } from './layers.ts';

/** Mean blue, green and red that clips are centred by. */
const CLIP_ENCODING: ImageEncoding = { channels: 'bgr', scale: [1, 1, 1], offset: [-90, -98, -102] };

/** Convolutions (letter and channels) between two pools. */
const STAGES = [
  [['a', 64]],
  [['a', 128]],
  [
    ['a', 256],
    ['b', 256],
  ],
  [
    ['a', 512],
    ['b', 512],
  ],
  [
    ['a', 512],
    ['b', 512],
  ],
] as const;

/**
 * C3D (arXiv:1412.0767) for the 487 classes of Sports-1M, over clips of 16 frames of 112×112: 79,991,015 parameters,
 * 38.6 G multiply-accumulates. The first pool leaves time alone; the last one reaches one element over the border (Caffe
 * rounds up), so that 7×7 become 4×4 and fc6 takes 8192 elements.
 */
export function c3d({ inputShape = [16, 112, 112, 3], width, classes = 487 }: NetworkOptions = {}): Graph {
  const builder = new GraphBuilder();
  const net = new Layers(builder);
  let value = builder.input('clip', inputShape, CLIP_ENCODING);
  for (const [index, convolutions] of STAGES.entries()) {
    const stage = index + 1;
    for (const [letter, channels] of convolutions) {
      value = net.conv(`conv${stage}${letter}`, value, {
        channels: scaled(channels, width),
        size: [3, 3, 3],
      });
    }
    const window = stage === 1 ? [1, 2, 2] : [2, 2, 2];
    value = net.maxPool(
      `pool${stage}`,
      value,
      window,
      window,
      stage === 5
        ? [
            [0, 0],
            [0, 1],
            [0, 1],
          ]
        : undefined,
    );
  }
  value = net.dense('fc6', value, scaled(4096, width));
  value = net.dense('fc7', value, scaled(4096, width));
  return builder.graph('c3d', [net.classes('fc8', value, classes)]);
}
