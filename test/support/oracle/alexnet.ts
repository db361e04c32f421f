import * as tf from '@tensorflow/tfjs';
import { Bench, zeroPad, type Made, type Take, type Volume } from './bench.ts';

export interface OracleSize {
  /** Height (and width) of the input. */
  readonly extent: number;
  /** Multiplies the channels of every layer but the last. */
  readonly width: number;
}

/** AlexNet in one tower (arXiv:1404.5997, section 5), paddings as in torchvision's `alexnet`. */
export async function alexnetOracle(
  image: Float32Array,
  { extent, width }: OracleSize,
  take: Take,
): Promise<Made> {
  const bench = new Bench(take);
  const c = (channels: number): number => channels * width;
  let x: Volume = tf.tensor4d(image, [1, extent, extent, 3]);

  const conv = async (
    name: string,
    size: number,
    stride: number,
    padding: number,
    from: number,
    to: number,
  ) => {
    const kernel = await bench.weight(`${name}/kernel`, [size, size, from, to]);
    const bias = await bench.weight(`${name}/bias`, [to]);
    x = bench.step([x, kernel, bias], () =>
      tf.relu(tf.add(tf.conv2d(zeroPad(x, padding), kernel as Volume, stride, 'valid'), bias)),
    );
    bench.note(name, x);
  };
  const pool = (name: string) => {
    x = bench.step([x], () => tf.maxPool(x, 3, 2, 'valid'));
    bench.note(name, x);
  };

  await conv('conv1', 11, 4, 2, 3, c(64));
  pool('pool1');
  await conv('conv2', 5, 1, 2, c(64), c(192));
  pool('pool2');
  await conv('conv3', 3, 1, 1, c(192), c(384));
  await conv('conv4', 3, 1, 1, c(384), c(256));
  await conv('conv5', 3, 1, 1, c(256), c(256));
  pool('pool5');

  const fc6 = await bench.connected('fc6', x, c(4096));
  const hidden6 = bench.step([fc6], () => tf.relu(fc6));
  bench.note('fc6', hidden6);
  const fc7 = await bench.connected('fc7', hidden6, c(4096));
  const hidden7 = bench.step([fc7], () => tf.relu(fc7));
  bench.note('fc7', hidden7);
  return bench.classified('fc8', hidden7, 1000);
}
