import type { Shape } from '../graph/box.ts';
import type { AvgPoolOp, MaxPoolOp, Padding } from '../graph/op.ts';
import { poolWindow } from '../graph/ops/pool.ts';

/** One over the number of elements that count in each window: a product over the axes. */
export function windowShares(
  op: MaxPoolOp | AvgPoolOp,
  held: Shape,
  padding: readonly Padding[],
  output: Shape,
): Float32Array {
  const { size } = poolWindow(op);
  let counts = [1];
  for (const axis of size.keys()) {
    const along = countsAlong(op, axis, held[axis]!, padding[axis]![0], output[axis]!);
    counts = counts.flatMap((count) => along.map((factor) => count * factor));
  }
  return Float32Array.from(counts, (count) => 1 / count);
}

/**
 * How many elements of each window along one axis count.
 * @param held extent of what the tile holds along it; @param before padding in front of that.
 */
export function countsAlong(
  op: MaxPoolOp | AvgPoolOp,
  axis: number,
  held: number,
  before: number,
  windows: number,
): number[] {
  const { size, strides, dilations } = poolWindow(op);
  const taps = size[axis]!;
  return Array.from({ length: windows }, (_, place) => {
    if (op.kind === 'avg-pool' && op.countPadding) return taps;
    const first = place * strides[axis]! - before;
    const seen = Array.from({ length: taps }, (_, tap) => first + tap * dilations[axis]!);
    return seen.filter((at) => at >= 0 && at < held).length;
  });
}
