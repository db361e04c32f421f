import * as tf from '@tensorflow/tfjs';
import type { OracleSize } from './alexnet.ts';
import { Bench, type Made, type Take, type Volume } from './bench.ts';

/** A 3×3×3 convolution with zeros around a clip `[d, h, w, from]`; kernel `[3, 3, 3, from, to]`. */
export type ClipConvolution = (clip: Volume, kernel: tf.Tensor5D) => Volume;

/** TensorFlow.js' own: slow on wasm. */
export const wholeConvolution: ClipConvolution = (clip, kernel) => tf.conv3d(clip, kernel, 1, 'same');

/** Frame t reads frames t − 1, t and t + 1, each through its own third of the kernel. */
export const convolutionByTaps: ClipConvolution = (clip, kernel) => {
  const [frames, height, width, channels] = clip.shape;
  const longer = tf.pad(clip, [
    [1, 1],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  const [before, now, after] = [0, 1, 2].map((tap) =>
    tf.conv2d(
      tf.slice(longer, [tap, 0, 0, 0], [frames, height, width, channels]),
      tf.reshape<tf.Rank.R4>(tf.slice(kernel, [tap, 0, 0, 0, 0], [1, 3, 3, channels, kernel.shape[4]]), [
        3,
        3,
        channels,
        kernel.shape[4],
      ]),
      1,
      'same',
    ),
  );
  return tf.add(tf.add(before!, now!), after!);
};

/** C3D (arXiv:1412.0767, figure 3) over 16 frames, with the pools of the published Caffe model. */
export async function c3dOracle(
  clip: Float32Array,
  { extent, width }: OracleSize,
  take: Take,
  convolution: ClipConvolution,
): Promise<Made> {
  const bench = new Bench(take);
  const c = (channels: number): number => channels * width;
  let x: Volume = tf.tensor4d(clip, [16, extent, extent, 3]);

  const conv = async (name: string, from: number, to: number) => {
    const kernel = await bench.weight(`${name}/kernel`, [3, 3, 3, from, to]);
    const bias = await bench.weight(`${name}/bias`, [to]);
    x = bench.step([x, kernel, bias], () => tf.relu(tf.add(convolution(x, kernel as tf.Tensor5D), bias)));
  };
  const pool = (name: string, frames: 1 | 2) => {
    x = bench.step([x], () => {
      const small = tf.maxPool(x, 2, 2, 'valid');
      if (frames === 1) return small;
      const [depth, height, across, channels] = small.shape;
      const pairs = tf.reshape(small, [depth / 2, 2, height, across, channels]);
      return tf.max<Volume>(pairs, 1);
    });
    bench.note(name, x);
  };

  await conv('conv1a', 3, c(64));
  pool('pool1', 1);
  await conv('conv2a', c(64), c(128));
  pool('pool2', 2);
  await conv('conv3a', c(128), c(256));
  await conv('conv3b', c(256), c(256));
  pool('pool3', 2);
  await conv('conv4a', c(256), c(512));
  await conv('conv4b', c(512), c(512));
  pool('pool4', 2);
  await conv('conv5a', c(512), c(512));
  await conv('conv5b', c(512), c(512));
  // Caffe rounds 7 / 2 up. Behind a rectifier a border of zeros changes no maximum.
  x = bench.step([x], () =>
    tf.pad(x, [
      [0, 0],
      [0, x.shape[1] % 2],
      [0, x.shape[2] % 2],
      [0, 0],
    ]),
  );
  pool('pool5', 2);

  const fc6 = await bench.connected('fc6', x, c(4096));
  const hidden6 = bench.step([fc6], () => tf.relu(fc6));
  bench.note('fc6', hidden6);
  const fc7 = await bench.connected('fc7', hidden6, c(4096));
  const hidden7 = bench.step([fc7], () => tf.relu(fc7));
  bench.note('fc7', hidden7);
  return bench.classified('fc8', hidden7, 487);
}
