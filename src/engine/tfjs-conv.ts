import * as tf from '@tensorflow/tfjs-core';
import { boxShape, length } from '../graph/box.ts';
import type { ConvOp, Padding } from '../graph/op.ts';
import type { TileStep } from '../graph/tile-program.ts';
import type { FusedActivation } from '../graph/fusion.ts';

/** Bias and activation as values: what `Epilogue` names. */
export interface Tail {
  readonly bias: Float32Array | undefined;
  readonly activation: FusedActivation | undefined;
}

/** Of which weights kept values are another form, and how to get them back. */
export interface KeptForm {
  readonly of: Float32Array;
  /** Must not hold what it was made from. */
  readonly restore: (kept: Float32Array) => Float32Array;
}

/**
 * Makes a tensor that lives until the tile is disposed; its type is that of the array. Weights that are kept as they came need
 * no `form`.
 */
export type KeepTensor = (
  values: Float32Array | Int32Array,
  shape: readonly number[],
  form?: KeptForm,
) => tf.Tensor;

type Pair = [number, number];
type Convolve = (x: tf.Tensor4D) => tf.Tensor4D;

interface Geometry {
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly padding: readonly [Padding, Padding];
}

/** A kernel `[height, width, inChannels, outChannels]`. */
interface Filter {
  readonly values: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** Which channels of the whole tensors a tile has: grouped convolutions need to know where they are. */
interface Channels {
  readonly groups: number;
  readonly inStart: number;
  readonly inCount: number;
  readonly outStart: number;
  readonly inPerGroup: number;
  readonly outPerGroup: number;
}

/**
 * Convolutions over 1, 2 or 3 axes, grouped or not, all by 2-D kernels. Over time the frames are the batch and the
 * temporal taps are summed: tfjs' own conv3d is fifty times slower on wasm and takes no explicit padding. Joining the
 * taps along the channels instead, for one convolution, was never faster: it copies the input once per tap twice, at
 * a cost that grows as channels get fewer, and a contraction of thousands of channels falls out of the cache. Besides
 * input and output a sum holds two more of each.
 *
 * Padding goes to the kernel as it is: a tile has one geometry per filter, hence one packed copy of it.
 *
 * What is returned must not reach `kernel` through a closure: the raw weights of a large tile would stay in memory
 * beside the backend's copies.
 */
export function prepareConv(
  op: ConvOp,
  step: TileStep,
  kernel: Float32Array,
  tail: Tail,
  keep: KeepTensor,
): (x: tf.Tensor) => tf.Tensor {
  const { region, padding } = step.inputs[0]!;
  const outputShape = boxShape(step.output);
  const spatial = op.kernelSize.length;
  const lift = <T>(values: readonly T[], neutral: T): [T, T, T] =>
    [...Array<T>(3 - spatial).fill(neutral), ...values.slice(0, spatial)] as [T, T, T];
  const [, height, width] = lift(op.kernelSize, 1);
  const [timeStride, ...strides] = lift(op.strides, 1);
  const [timeDilation, ...dilations] = lift(op.dilations, 1);
  const [timePadding, ...spatialPadding] = lift(padding, [0, 0] as Padding);
  const geometry: Geometry = { strides, dilations, padding: spatialPadding };
  const frameCount = lift(outputShape.slice(0, -1), 1)[0];

  const wholeInChannels = step.inputShapes[0]!.at(-1)!;
  const channels: Channels = {
    groups: op.groups,
    inStart: region.at(-1)![0],
    inCount: length(region.at(-1)!),
    outStart: step.output.at(-1)![0],
    inPerGroup: wholeInChannels / op.groups,
    outPerGroup: op.outChannels / op.groups,
  };
  const outChannels = length(step.output.at(-1)!);
  const inChannels = op.groups === 1 ? channels.inCount : channels.inPerGroup;
  const taps = tapsOf(kernel, { height, width, inChannels, outChannels });

  const framesOf = (x: tf.Tensor): tf.Tensor4D => {
    const [d, h, w] = lift(x.shape.slice(0, -1), 1);
    return tf.reshape(x, [d, h, w, channels.inCount]);
  };
  if (taps.length === 1 && timeStride === 1 && timePadding[0] + timePadding[1] === 0) {
    const convolve = prepareConv2d(taps[0]!, geometry, channels, tail, keep);
    return (x) => tf.reshape(convolve(framesOf(x)), outputShape);
  }

  const padded = (x: tf.Tensor): tf.Tensor4D =>
    timePadding[0] + timePadding[1] > 0
      ? tf.pad<tf.Tensor4D>(framesOf(x), [[...timePadding], [0, 0], [0, 0], [0, 0]])
      : framesOf(x);
  /** The frames that tap `index` sees, one per output frame. */
  const seenBy = (x: tf.Tensor4D, index: number): tf.Tensor4D => {
    const [, h, w, c] = x.shape;
    const start = index * timeDilation;
    if (timeStride === 1) return tf.slice(x, [start, 0, 0, 0], [frameCount, h, w, c]);
    const end = start + (frameCount - 1) * timeStride + 1;
    return tf.stridedSlice(x, [start, 0, 0, 0], [end, h, w, c], [timeStride, 1, 1, 1]) as tf.Tensor4D;
  };
  const convolutions: Convolve[] = [];
  for (const [index, tap] of taps.entries()) {
    // The first tap brings the bias; the activation waits for the sum.
    const bias = index === 0 ? tail.bias : undefined;
    convolutions.push(prepareConv2d(tap, geometry, channels, { bias, activation: undefined }, keep));
  }
  const { activation } = tail;
  return (x) => {
    const source = padded(x);
    let sum: tf.Tensor4D | undefined;
    for (const [index, convolve] of convolutions.entries()) {
      const frames = seenBy(source, index);
      const part = convolve(frames);
      frames.dispose();
      if (!sum) {
        sum = part;
        continue;
      }
      const next: tf.Tensor4D = tf.add(sum, part);
      tf.dispose([sum, part]);
      sum = next;
    }
    return tf.reshape(activateTail(sum!, activation), outputShape);
  };
}

/** The kernel `[time, h, w, c, o]` as one filter per temporal tap, without copying. */
function tapsOf(kernel: Float32Array, shape: Omit<Filter, 'values'>): Filter[] {
  const size = shape.height * shape.width * shape.inChannels * shape.outChannels;
  return Array.from({ length: kernel.length / size }, (_, index) => ({
    ...shape,
    values: kernel.subarray(index * size, (index + 1) * size),
  }));
}

function activateTail<T extends tf.Tensor>(x: T, activation: FusedActivation | undefined): T {
  if (!activation) return x;
  return activation === 'relu' ? tf.relu(x) : tf.relu6(x);
}

function prepareConv2d(
  filter: Filter,
  geometry: Geometry,
  channels: Channels,
  tail: Tail,
  keep: KeepTensor,
): Convolve {
  if (channels.groups === 1) return prepareDirect(filter, geometry, tail, keep);
  if (channels.inPerGroup === 1) return prepareDepthwise(filter, geometry, channels, tail, keep);
  return prepareGrouped(filter, geometry, channels, tail, keep);
}

/** Attributes as tfjs wants them; it refuses strides together with dilations, so then the filter itself is spread. */
function attributes(filter: Filter, geometry: Geometry) {
  const { strides, dilations, padding } = geometry;
  const [rows, columns] = padding;
  const isPadded = rows[0] + rows[1] + columns[0] + columns[1] > 0;
  const pad = isPadded
    ? ([[0, 0], [...rows], [...columns], [0, 0]] as tf.backend_util.ExplicitPadding)
    : ('valid' as const);
  const dilated = dilations.some((dilation) => dilation > 1);
  if (!dilated || strides.every((stride) => stride === 1)) return { filter, strides, dilations, pad };
  return { filter: spread(filter, dilations), strides, dilations: [1, 1] as Pair, pad };
}

function prepareDirect(filter: Filter, geometry: Geometry, tail: Tail, keep: KeepTensor): Convolve {
  const { filter: shaped, strides, dilations, pad } = attributes(filter, geometry);
  const weights = keep(shaped.values, [
    shaped.height,
    shaped.width,
    shaped.inChannels,
    shaped.outChannels,
  ]) as tf.Tensor4D;
  const bias = tail.bias && keep(tail.bias, [filter.outChannels]);
  const activation = tail.activation ?? 'linear';
  return (x) =>
    bias || activation !== 'linear'
      ? tf.fused.conv2d({
          x,
          filter: weights,
          strides,
          dilations,
          pad,
          ...(bias ? { bias } : {}),
          activation,
        })
      : tf.conv2d(x, weights, strides, pad, 'NHWC', dilations);
}

/** A box of output channels may start or end inside a group: the missing filters are zero and their results cut off. */
function prepareDepthwise(
  filter: Filter,
  geometry: Geometry,
  channels: Channels,
  tail: Tail,
  keep: KeepTensor,
): Convolve {
  const multiplier = channels.outPerGroup;
  const whole = channels.inCount * multiplier;
  const offset = channels.outStart - channels.inStart * multiplier;
  const { outChannels } = filter;
  const complete = whole === outChannels;
  const widened = complete ? filter : { ...filter, values: widen(filter, offset, whole), outChannels: whole };
  const { filter: shaped, strides, dilations, pad } = attributes(widened, geometry);
  const weights = keep(shaped.values, [
    shaped.height,
    shaped.width,
    channels.inCount,
    multiplier,
  ]) as tf.Tensor4D;
  let bias: tf.Tensor | undefined;
  if (tail.bias) {
    const values = new Float32Array(whole);
    values.set(tail.bias, offset);
    bias = keep(values, [whole]);
  }
  const activation = tail.activation ?? 'linear';
  return (x) => {
    const y =
      bias || activation !== 'linear'
        ? tf.fused.depthwiseConv2d({
            x,
            filter: weights,
            strides,
            dilations,
            // The kernel takes what its type leaves out.
            pad: pad as 'valid',
            ...(bias ? { bias } : {}),
            activation,
          })
        : tf.depthwiseConv2d(x, weights, strides, pad, 'NHWC', dilations);
    if (complete) return y;
    const [n, h, w] = y.shape;
    return tf.slice(y, [0, 0, 0, offset], [n, h, w, outChannels]);
  };
}

function prepareGrouped(
  filter: Filter,
  geometry: Geometry,
  channels: Channels,
  tail: Tail,
  keep: KeepTensor,
): Convolve {
  const { inPerGroup, outPerGroup, outStart, inStart } = channels;
  const outEnd = outStart + filter.outChannels;
  const parts: { readonly offset: number; readonly convolve: Convolve }[] = [];
  for (let group = Math.floor(outStart / outPerGroup); group * outPerGroup < outEnd; group++) {
    const from = Math.max(outStart, group * outPerGroup) - outStart;
    const to = Math.min(outEnd, (group + 1) * outPerGroup) - outStart;
    const slice = { ...filter, values: columnsOf(filter, from, to), outChannels: to - from };
    const groupTail = { ...tail, bias: tail.bias?.slice(from, to) };
    parts.push({
      offset: group * inPerGroup - inStart,
      convolve: prepareDirect(slice, geometry, groupTail, keep),
    });
  }
  return (x) => {
    const [n, h, w] = x.shape;
    const results = parts.map(({ offset, convolve }) =>
      convolve(tf.slice(x, [0, 0, 0, offset], [n, h, w, inPerGroup])),
    );
    return results.length === 1 ? results[0]! : tf.concat(results, 3);
  };
}

/** The filter with the holes of its dilation filled with zeros. */
function spread(filter: Filter, [dilationY, dilationX]: Pair): Filter {
  const height = (filter.height - 1) * dilationY + 1;
  const width = (filter.width - 1) * dilationX + 1;
  const run = filter.inChannels * filter.outChannels;
  const values = new Float32Array(height * width * run);
  for (let y = 0; y < filter.height; y++) {
    for (let x = 0; x < filter.width; x++) {
      const source = (y * filter.width + x) * run;
      values.set(filter.values.subarray(source, source + run), (y * dilationY * width + x * dilationX) * run);
    }
  }
  return { ...filter, values, height, width };
}

/** The filter with zeros before and after its output channels. */
function widen(filter: Filter, offset: number, outChannels: number): Float32Array {
  const rows = filter.height * filter.width * filter.inChannels;
  const values = new Float32Array(rows * outChannels);
  for (let row = 0; row < rows; row++) {
    const source = row * filter.outChannels;
    values.set(filter.values.subarray(source, source + filter.outChannels), row * outChannels + offset);
  }
  return values;
}

function columnsOf(filter: Filter, from: number, to: number): Float32Array {
  const rows = filter.height * filter.width * filter.inChannels;
  const values = new Float32Array(rows * (to - from));
  for (let row = 0; row < rows; row++) {
    const source = row * filter.outChannels;
    values.set(filter.values.subarray(source + from, source + to), row * (to - from));
  }
  return values;
}
