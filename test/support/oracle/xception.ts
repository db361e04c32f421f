import * as tf from '@tensorflow/tfjs';
import type { OracleSize } from './alexnet.ts';
import { Bench, type Made, type Take, type Volume } from './bench.ts';

/** Xception (arXiv:1610.02357, figure 5), layers named as in Keras Applications. */
export async function xceptionOracle(
  image: Float32Array,
  { extent, width }: OracleSize,
  take: Take,
): Promise<Made> {
  const bench = new Bench(take);
  const c = (channels: number): number => channels * width;

  const norm = async (name: string, x: Volume): Promise<Volume> => {
    const channels = [x.shape[3]];
    const mean = await bench.weight(`${name}/moving_mean`, channels);
    const variance = await bench.weight(`${name}/moving_variance`, channels);
    const beta = await bench.weight(`${name}/beta`, channels);
    const gamma = await bench.weight(`${name}/gamma`, channels);
    const [m, v, b, g] = [mean, variance, beta, gamma] as tf.Tensor1D[];
    return bench.step([x, mean, variance, beta, gamma], () => tf.batchNorm4d(x, m!, v!, b, g, 1e-3));
  };
  /** Leaves `x` alone: a block reads it twice. */
  const conv = async (
    name: string,
    x: Volume,
    size: number,
    stride: number,
    to: number,
    pad: 'same' | 'valid',
  ) => {
    const kernel = await bench.weight(`${name}/kernel`, [size, size, x.shape[3], to]);
    const made = bench.step([kernel], () => tf.conv2d(x, kernel as Volume, stride, pad));
    return norm(`${name}_bn`, made);
  };
  const separable = async (name: string, x: Volume, to: number) => {
    const from = x.shape[3];
    const depthwise = await bench.weight(`${name}/depthwise_kernel`, [3, 3, from, 1]);
    const pointwise = await bench.weight(`${name}/pointwise_kernel`, [1, 1, from, to]);
    const made = bench.step([x, depthwise, pointwise], () =>
      tf.conv2d(tf.depthwiseConv2d(x, depthwise as Volume, 1, 'same'), pointwise as tf.Tensor4D, 1, 'valid'),
    );
    return norm(`${name}_bn`, made);
  };
  const relu = (x: Volume): Volume => bench.step([x], () => tf.relu(x));

  /** Two separable convolutions and a pool, beside a strided convolution of one pixel. */
  const shrinking = async (block: string, x: Volume, first: number, second: number): Promise<Volume> => {
    const shortcut = await conv(`${block}_residual`, x, 1, 2, second, 'same');
    // The first of these blocks follows a rectifier already.
    let y = block === 'block2' ? x : relu(x);
    y = await separable(`${block}_sepconv1`, y, first);
    y = await separable(`${block}_sepconv2`, relu(y), second);
    const sum = bench.step([y, shortcut], () => tf.add<Volume>(tf.maxPool(y, 3, 2, 'same'), shortcut));
    bench.note(`${block}_add`, sum);
    return sum;
  };

  // Entry flow.
  const picture: Volume = tf.tensor4d(image, [1, extent, extent, 3]);
  const thin = relu(await conv('block1_conv1', picture, 3, 2, c(32), 'valid'));
  picture.dispose();
  const stem = relu(await conv('block1_conv2', thin, 3, 1, c(64), 'valid'));
  thin.dispose();
  bench.note('block1_conv2_act', stem);
  let x = await shrinking('block2', stem, c(128), c(128));
  x = await shrinking('block3', x, c(256), c(256));
  x = await shrinking('block4', x, c(728), c(728));

  // Middle flow.
  for (let index = 5; index <= 12; index++) {
    const shortcut = x;
    let y = tf.clone(shortcut);
    y = await separable(`block${index}_sepconv1`, relu(y), c(728));
    y = await separable(`block${index}_sepconv2`, relu(y), c(728));
    y = await separable(`block${index}_sepconv3`, relu(y), c(728));
    x = bench.step([y, shortcut], () => tf.add<Volume>(y, shortcut));
    bench.note(`block${index}_add`, x);
  }

  // Exit flow.
  x = await shrinking('block13', x, c(728), c(1024));
  x = relu(await separable('block14_sepconv1', x, c(1536)));
  x = relu(await separable('block14_sepconv2', x, c(2048)));
  const pooled = bench.step([x], () => tf.mean(x, [1, 2]));
  bench.note('avg_pool', pooled);
  return bench.classified('predictions', pooled, 1000);
}
