import { boxShape, length } from '../../graph/box.ts';
import type { LrnOp, UpsampleOp } from '../../graph/op.ts';
import { upsampleTap, type UpsampleTap } from '../../graph/ops/upsample.ts';
import { allocate, type Kernel } from './kernel.ts';

/** Sums in double precision and in the order of the channels. */
export const lrn: Kernel<LrnOp> = ({ op, inputs, output }) => {
  const { data, region } = inputs[0]!;
  const held = length(region.at(-1)!);
  const count = length(output.at(-1)!);
  const shift = output.at(-1)![0] - region.at(-1)![0];
  const result = allocate(output);
  for (let place = 0; place * count < result.length; place++) {
    for (let channel = 0; channel < count; channel++) {
      const centre = channel + shift;
      let sum = 0;
      const last = Math.min(held - 1, centre + op.radius);
      for (let c = Math.max(0, centre - op.radius); c <= last; c++) sum += data[place * held + c]! ** 2;
      result[place * count + channel] = data[place * held + centre]! / (op.bias + op.alpha * sum) ** op.beta;
    }
  }
  return result;
};

/** Axis by axis, in double precision: an element comes out the same whatever box it is in. */
export const upsample: Kernel<UpsampleOp> = ({ op, inputs, output }) => {
  const { data, region, shape } = inputs[0]!;
  let values: Float64Array = Float64Array.from(data);
  const extents = boxShape(region);
  for (let axis = 0; axis < op.factors.length; axis++) {
    const first = region[axis]![0];
    const [start, end] = output[axis]!;
    const taps = Array.from({ length: end - start }, (_, i) =>
      upsampleTap(op, axis, shape[axis]!, start + i),
    );
    values = interpolate(values, extents, axis, taps, first);
    extents[axis] = taps.length;
  }
  return Float32Array.from(values);
};

/** Along one axis of row-major `values`; the taps count from `first`. */
function interpolate(
  values: Float64Array,
  extents: readonly number[],
  axis: number,
  taps: readonly UpsampleTap[],
  first: number,
): Float64Array {
  const product = (list: readonly number[]): number => list.reduce((size, extent) => size * extent, 1);
  const outer = product(extents.slice(0, axis));
  const inner = product(extents.slice(axis + 1));
  const result = new Float64Array(outer * taps.length * inner);
  let at = 0;
  for (let block = 0; block < outer; block++) {
    const base = block * extents[axis]!;
    for (const { low, high, weight } of taps) {
      const from = (base + low - first) * inner;
      const to = (base + high - first) * inner;
      for (let i = 0; i < inner; i++) {
        result[at++] =
          weight === 0 ? values[from + i]! : values[from + i]! * (1 - weight) + values[to + i]! * weight;
      }
    }
  }
  return result;
}
