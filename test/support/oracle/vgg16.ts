import * as tf from '@tensorflow/tfjs';
import type { OracleSize } from './alexnet.ts';
import { Bench, type Made, type Take, type Volume } from './bench.ts';

/** VGG16 (arXiv:1409.1556, table 1, column D). */
export async function vgg16Oracle(
  image: Float32Array,
  { extent, width }: OracleSize,
  take: Take,
): Promise<Made> {
  const bench = new Bench(take);
  const c = (channels: number): number => channels * width;
  let x: Volume = tf.tensor4d(image, [1, extent, extent, 3]);

  const conv = async (name: string, from: number, to: number) => {
    const kernel = await bench.weight(`${name}/kernel`, [3, 3, from, to]);
    const bias = await bench.weight(`${name}/bias`, [to]);
    x = bench.step([x, kernel, bias], () => tf.relu(tf.add(tf.conv2d(x, kernel as Volume, 1, 'same'), bias)));
  };
  const pool = (name: string) => {
    x = bench.step([x], () => tf.maxPool(x, 2, 2, 'valid'));
    bench.note(name, x);
  };

  await conv('block1_conv1', 3, c(64));
  await conv('block1_conv2', c(64), c(64));
  pool('block1_pool');
  await conv('block2_conv1', c(64), c(128));
  await conv('block2_conv2', c(128), c(128));
  pool('block2_pool');
  await conv('block3_conv1', c(128), c(256));
  await conv('block3_conv2', c(256), c(256));
  await conv('block3_conv3', c(256), c(256));
  pool('block3_pool');
  await conv('block4_conv1', c(256), c(512));
  await conv('block4_conv2', c(512), c(512));
  await conv('block4_conv3', c(512), c(512));
  pool('block4_pool');
  await conv('block5_conv1', c(512), c(512));
  await conv('block5_conv2', c(512), c(512));
  await conv('block5_conv3', c(512), c(512));
  pool('block5_pool');

  const fc1 = await bench.connected('fc1', x, c(4096));
  const hidden1 = bench.step([fc1], () => tf.relu(fc1));
  bench.note('fc1', hidden1);
  const fc2 = await bench.connected('fc2', hidden1, c(4096));
  const hidden2 = bench.step([fc2], () => tf.relu(fc2));
  bench.note('fc2', hidden2);
  return bench.classified('predictions', hidden2, 1000);
}
