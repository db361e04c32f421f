import * as tf from '@tensorflow/tfjs-core';
import { boxShape, length, shapeSize } from '../graph/box.ts';
import type { LrnOp, UpsampleOp } from '../graph/op.ts';
import { upsampleTap } from '../graph/ops/upsample.ts';
import type { TileStep } from '../graph/tile-program.ts';
import type { KeepTensor } from './tfjs-conv.ts';

type Kernel = (x: tf.Tensor) => tf.Tensor;

/** Up to here the sum over channels is a 1×1 convolution with a band of ones; it takes the square of it in floats. */
const BAND_CHANNELS = 1024;

/** tfjs' own kernel is slow on wasm and knows neither halos nor three spatial axes. */
export function prepareLrn(op: LrnOp, step: TileStep, keep: KeepTensor): Kernel {
  const region = step.inputs[0]!.region.at(-1)!;
  const channels = step.output.at(-1)!;
  const held = length(region);
  const count = length(channels);
  const offset = channels[0] - region[0];
  const places = shapeSize(boxShape(step.output)) / count;
  const outputShape = boxShape(step.output);
  const sumSquares =
    held <= BAND_CHANNELS ? bandSum(op, held, count, offset, keep) : slicedSum(op, held, count, offset);
  return (x) => {
    const rows = tf.reshape<tf.Rank.R2>(x, [places, held]);
    const centre = held === count ? rows : tf.slice(rows, [0, offset], [places, count]);
    const base = tf.add(tf.mul(sumSquares(tf.square(rows)), op.alpha), op.bias);
    return tf.reshape(divideByPower(centre, base, op.beta), outputShape);
  };
}

function bandSum(
  op: LrnOp,
  held: number,
  count: number,
  offset: number,
  keep: KeepTensor,
): (squares: tf.Tensor2D) => tf.Tensor2D {
  const ones = new Float32Array(held * count);
  for (let channel = 0; channel < count; channel++) {
    const centre = channel + offset;
    const last = Math.min(held - 1, centre + op.radius);
    for (let c = Math.max(0, centre - op.radius); c <= last; c++) ones[c * count + channel] = 1;
  }
  const band = keep(ones, [1, 1, held, count]) as tf.Tensor4D;
  return (squares) => {
    const places = squares.shape[0];
    const sums = tf.conv2d(tf.reshape<tf.Rank.R4>(squares, [1, places, 1, held]), band, 1, 'valid');
    return tf.reshape(sums, [places, count]);
  };
}

function slicedSum(
  op: LrnOp,
  held: number,
  count: number,
  offset: number,
): (squares: tf.Tensor2D) => tf.Tensor2D {
  const before = op.radius - offset;
  const after = offset + count + op.radius - held;
  return (squares) => {
    const places = squares.shape[0];
    const padded = tf.pad(squares, [[0, 0], [before, after]]); // prettier-ignore
    const window = Array.from({ length: 2 * op.radius + 1 }, (_, shift) =>
      tf.slice(padded, [0, shift], [places, count]),
    );
    return window.reduce((sum, part) => tf.add(sum, part));
  };
}

/** `x / base ^ beta` for positive `base`; the exponents that networks use need no logarithm. */
function divideByPower(x: tf.Tensor, base: tf.Tensor, beta: number): tf.Tensor {
  if (beta === 1) return tf.div(x, base);
  if (beta === 0.5) return tf.div(x, tf.sqrt(base));
  if (beta === 0.75) {
    const root = tf.sqrt(base);
    return tf.div(x, tf.mul(root, tf.sqrt(root)));
  }
  return tf.mul(x, tf.exp(tf.mul(tf.log(base), -beta)));
}

/**
 * Axis by axis, from places in the whole tensor: tfjs' resizing stretches what it is given, which is right for a whole
 * picture only.
 */
export function prepareUpsample(op: UpsampleOp, step: TileStep, keep: KeepTensor): Kernel {
  const region = step.inputs[0]!.region;
  const rank = step.output.length;
  const passes: Kernel[] = [];
  for (let axis = 0; axis < op.factors.length; axis++) {
    if (op.factors[axis] === 1) continue;
    const extent = step.inputShapes[0]![axis]!;
    const [start, end] = step.output[axis]!;
    const first = region[axis]![0];
    const taps = Array.from({ length: end - start }, (_, i) => upsampleTap(op, axis, extent, start + i));
    const low = keep(
      Int32Array.from(taps, (tap) => tap.low - first),
      [taps.length],
    ) as tf.Tensor1D;
    if (taps.every(({ weight }) => weight === 0)) {
      passes.push((x) => tf.gather(x, low, axis));
      continue;
    }
    const high = keep(
      Int32Array.from(taps, (tap) => tap.high - first),
      [taps.length],
    ) as tf.Tensor1D;
    const along = Array.from({ length: rank }, (_, i) => (i === axis ? taps.length : 1));
    const weight = keep(
      Float32Array.from(taps, (tap) => tap.weight),
      along,
    );
    passes.push((x) => {
      const lower = tf.gather(x, low, axis);
      return tf.add(lower, tf.mul(tf.sub(tf.gather(x, high, axis), lower), weight));
    });
  }
  if (passes.length === 0) return (x) => tf.clone(x);
  return (x) => passes.reduce((value, pass) => pass(value), x);
}
