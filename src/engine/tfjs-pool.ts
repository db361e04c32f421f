import * as tf from '@tensorflow/tfjs-core';
import { boxShape, boxSize, shapeSize } from '../graph/box.ts';
import type { AvgPoolOp, GlobalPoolOp, MaxPoolOp, Padding } from '../graph/op.ts';
import { poolWindow } from '../graph/ops/pool.ts';
import type { TileStep } from '../graph/tile-program.ts';
import type { KeepTensor } from './tfjs-conv.ts';
import { windowShares } from './window-shares.ts';

type Mode = 'max' | 'avg';
type Kernel = (x: tf.Tensor) => tf.Tensor;

const none: Padding = [0, 0];

const isPadded = (padding: readonly Padding[]): boolean =>
  padding.some(([before, after]) => before + after > 0);

/** One pass over two axes; every other axis is in the batch or in the channels. */
function pool2d(
  mode: Mode,
  x: tf.Tensor4D,
  size: [number, number],
  strides: [number, number],
  padding: readonly [Padding, Padding],
): tf.Tensor4D {
  if (size[0] === 1 && size[1] === 1 && strides[0] === 1 && strides[1] === 1 && !isPadded(padding)) return x;
  const [rows, columns] = padding;
  const pad = isPadded(padding)
    ? ([[0, 0], [...rows], [...columns], [0, 0]] as tf.backend_util.ExplicitPadding)
    : 'valid';
  return mode === 'max' ? tf.maxPool(x, size, strides, pad) : tf.avgPool(x, size, strides, pad);
}

/**
 * Max and average pools over 1, 2 or 3 axes. Three axes go as h and w with frames as the batch, then time with the
 * picture as one axis: tfjs' own 3-D max pool is wrong on wasm and both are slow. Averages separate because the
 * number of elements that are not padding is a product over the axes.
 */
export function preparePool(op: MaxPoolOp | AvgPoolOp, step: TileStep, keep: KeepTensor): Kernel {
  if (op.dilations?.some((dilation) => dilation > 1)) return prepareDilatedPool(op, step, keep);
  const mode: Mode = op.kind === 'max-pool' ? 'max' : 'avg';
  const { padding } = step.inputs[0]!;
  const outputShape = boxShape(step.output);
  const spatial = op.poolSize.length;
  const lift = <T>(values: readonly T[], neutral: T): [T, T, T] =>
    [...Array<T>(3 - spatial).fill(neutral), ...values.slice(0, spatial)] as [T, T, T];
  const size = lift(op.poolSize, 1);
  const strides = lift(op.strides, 1);
  const zeroPadded = op.kind === 'avg-pool' && op.countPadding;
  const pads = lift(padding, none);
  const inner = zeroPadded ? ([none, none, none] as const) : pads;

  return (input) => {
    const x =
      zeroPadded && isPadded(pads)
        ? tf.pad(
            input,
            padding.map(([a, b]) => [a, b]),
          )
        : input;
    const [depth, height, width] = lift(x.shape.slice(0, -1), 1);
    const channels = x.shape.at(-1)!;
    const frames = pool2d(
      mode,
      tf.reshape(x, [depth, height, width, channels]),
      [size[1], size[2]],
      [strides[1], strides[2]],
      [inner[1], inner[2]],
    );
    if (spatial < 3) return tf.reshape(frames, outputShape);
    const [, pooledHeight, pooledWidth] = frames.shape;
    const film = pool2d(
      mode,
      tf.reshape(frames, [1, depth, pooledHeight * pooledWidth, channels]),
      [size[0], 1],
      [strides[0], 1],
      [inner[0], none],
    );
    return tf.reshape(film, outputShape);
  };
}

/** Below every finite value, and itself finite: some GPUs know no infinity. */
const LOWEST = -3.4028234663852886e38;

/** tfjs has no kernel: axis by axis, the maximum or the sum of as many slices as the window has taps. */
function prepareDilatedPool(op: MaxPoolOp | AvgPoolOp, step: TileStep, keep: KeepTensor): Kernel {
  const { region, padding } = step.inputs[0]!;
  const { size, strides, dilations } = poolWindow(op);
  const outputShape = boxShape(step.output);
  const spatial = size.length;
  const isMaximum = op.kind === 'max-pool';
  const shares = isMaximum
    ? undefined
    : keep(windowShares(op, boxShape(region), padding, outputShape), [...outputShape.slice(0, -1), 1]);
  return (input) => {
    let x = isPadded(padding)
      ? tf.pad(
          input,
          padding.map(([before, after]) => [before, after]),
          isMaximum ? LOWEST : 0,
        )
      : input;
    for (let axis = 0; axis < spatial; axis++) {
      if (size[axis] === 1 && strides[axis] === 1) continue;
      const count = outputShape[axis]!;
      // Whatever the rank, as `[before, axis, behind]`.
      const before = shapeSize(x.shape.slice(0, axis));
      const behind = shapeSize(x.shape.slice(axis + 1));
      const rows = tf.reshape<tf.Rank.R3>(x, [before, x.shape[axis]!, behind]);
      const taps = Array.from({ length: size[axis]! }, (_, tap) => {
        const start = tap * dilations[axis]!;
        const end = start + (count - 1) * strides[axis]! + 1;
        return tf.stridedSlice(rows, [0, start, 0], [before, end, behind], [1, strides[axis]!, 1]);
      });
      const pooled = taps.reduce((a, b) => (isMaximum ? tf.maximum(a, b) : tf.add(a, b)));
      x = tf.reshape(pooled, [...x.shape.slice(0, axis), count, ...x.shape.slice(axis + 1)]);
    }
    return shares ? tf.mul(x, shares) : x === input ? tf.clone(x) : x;
  };
}

/** As one pool over the whole window: on wasm forty times faster than a mean over axes. */
export function prepareGlobalPool(op: GlobalPoolOp, step: TileStep): Kernel {
  const outputShape = boxShape(step.output);
  const region = step.inputs[0]!.region;
  const channels = shapeSize(outputShape);
  const elements = boxSize(region) / channels;
  return (x) =>
    tf.reshape(
      pool2d(op.mode, tf.reshape(x, [1, elements, 1, channels]), [elements, 1], [1, 1], [none, none]),
      outputShape,
    );
}
