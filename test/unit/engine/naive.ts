import { shapeSize, type Shape } from '../../../src/graph/box.ts';
import type { AvgPoolOp, ConvOp, MaxPoolOp, Padding } from '../../../src/graph/op.ts';

/** A tensor as a function of its index: slow, and with no arithmetic on offsets in common with the kernels. */
export type Field = (index: readonly number[]) => number;

export function fieldOf(values: Float32Array, shape: Shape): Field {
  return (index) => {
    let offset = 0;
    for (const [axis, extent] of shape.entries()) offset = offset * extent + index[axis]!;
    return values[offset]!;
  };
}

export function* indices(shape: Shape): Generator<number[]> {
  if (shape.length === 0) {
    yield [];
    return;
  }
  for (let i = 0; i < shape[0]!; i++) for (const rest of indices(shape.slice(1))) yield [i, ...rest];
}

export function tabulate(shape: Shape, field: Field): Float32Array {
  const result = new Float32Array(shapeSize(shape));
  let at = 0;
  for (const index of indices(shape)) result[at++] = field(index);
  return result;
}

/** The tensor with its spatial axes padded, really. */
function padded(input: Field, shape: Shape, padding: readonly Padding[], value: number): Field {
  return (index) => {
    const inner = index.map((i, axis) => i - (padding[axis]?.[0] ?? 0));
    return inner.every((i, axis) => i >= 0 && i < shape[axis]!) ? input(inner) : value;
  };
}

export function naiveConv(op: ConvOp, input: Field, shape: Shape, kernel: Field): Field {
  const source = padded(input, shape, op.padding, 0);
  const perGroup = shape.at(-1)! / op.groups;
  return (index) => {
    const channel = index.at(-1)!;
    const group = Math.floor(channel / (op.outChannels / op.groups));
    let sum = 0;
    for (const tap of indices([...op.kernelSize, perGroup])) {
      const place = op.kernelSize.map(
        (_, axis) => index[axis]! * op.strides[axis]! + tap[axis]! * op.dilations[axis]!,
      );
      sum += source([...place, group * perGroup + tap.at(-1)!]) * kernel([...tap, channel]);
    }
    return sum;
  };
}

function windowValues(
  op: MaxPoolOp | AvgPoolOp,
  input: Field,
  shape: Shape,
  index: readonly number[],
): number[] {
  const source = padded(input, shape, op.padding, NaN);
  return [...indices(op.poolSize)].map((tap) =>
    source([...tap.map((offset, axis) => index[axis]! * op.strides[axis]! + offset), index.at(-1)!]),
  );
}

export function naivePool(op: MaxPoolOp | AvgPoolOp, input: Field, shape: Shape): Field {
  return (index) => {
    const all = windowValues(op, input, shape, index);
    const real = all.filter((value) => !Number.isNaN(value));
    if (op.kind === 'max-pool') return Math.max(...real);
    return real.reduce((sum, value) => sum + value, 0) / (op.countPadding ? all.length : real.length);
  };
}
