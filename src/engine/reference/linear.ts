import { isEmpty, length } from '../../graph/box.ts';
import type { ConvOp, DenseOp } from '../../graph/op.ts';
import { allocate, forEachPosition, forEachTap, slidingLoop, type Kernel } from './kernel.ts';

/** The part of one group that falls in the output box. */
interface GroupSlice {
  /** First input channel, in the region. */
  readonly from: number;
  readonly channels: number;
  /** Output channels, in the output box. */
  readonly start: number;
  readonly end: number;
}

/** Sums in double precision, taps in row-major order, then channels: the same for whatever box an element is in. */
export const conv: Kernel<ConvOp> = ({ op, inputs, weights, output }) => {
  const result = allocate(output);
  const input = inputs[0]!;
  if (isEmpty(input.region)) return result;
  const kernel = weights.get('kernel')!;
  const loop = slidingLoop(input, output, op.kernelSize, op.strides, op.dilations);

  const inputChannels = input.region.at(-1)!;
  const outputChannels = output.at(-1)!;
  const stored = length(inputChannels);
  const computed = length(outputChannels);
  const inPerGroup = input.shape.at(-1)! / op.groups;
  const outPerGroup = op.outChannels / op.groups;
  // Of one group, the region may hold a part only (a partial sum); of several, it holds each one whole.
  const contraction = op.groups === 1 ? stored : inPerGroup;
  const slices: GroupSlice[] = [];
  for (
    let group = Math.floor(outputChannels[0] / outPerGroup);
    group * outPerGroup < outputChannels[1];
    group++
  ) {
    slices.push({
      from: op.groups === 1 ? 0 : group * inPerGroup - inputChannels[0],
      channels: contraction,
      start: Math.max(0, group * outPerGroup - outputChannels[0]),
      end: Math.min(computed, (group + 1) * outPerGroup - outputChannels[0]),
    });
  }

  const sums = new Float64Array(computed);
  const data = input.data;
  forEachPosition(loop, (position, index) => {
    sums.fill(0);
    forEachTap(loop, position, (place, tap) => {
      const inputBase = place * stored;
      const tapBase = tap * contraction * computed;
      for (const { from, channels, start, end } of slices) {
        for (let c = 0; c < channels; c++) {
          const value = data[inputBase + from + c]!;
          const row = tapBase + c * computed;
          for (let o = start; o < end; o++) sums[o]! += value * kernel[row + o]!;
        }
      }
    });
    result.set(sums, index * computed);
  });
  return result;
};

export const dense: Kernel<DenseOp> = ({ inputs, weights, output }) => {
  const data = inputs[0]!.data;
  const kernel = weights.get('kernel')!;
  const units = length(output[0]!);
  const sums = new Float64Array(units);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    const row = i * units;
    for (let unit = 0; unit < units; unit++) sums[unit]! += value * kernel[row + unit]!;
  }
  return Float32Array.from(sums);
};
