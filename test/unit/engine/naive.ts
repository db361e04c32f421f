import { shapeSize, type Shape } from '../../../src/graph/box.ts';
import type { AvgPoolOp, ConvOp, MaxPoolOp, Op, Padding, UpsampleOp } from '../../../src/graph/op.ts';

/** A tensor as a function of its index: slow, and with no arithmetic on offsets in common with the kernels. */
export type Field = (index: number[]) => number;

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
    source([
      ...tap.map((offset, axis) => index[axis]! * op.strides[axis]! + offset * (op.dilations?.[axis] ?? 1)),
      index.at(-1)!,
    ]),
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

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export interface NaiveInput {
  readonly at: Field;
  readonly shape: Shape;
}

function upsampleShare(op: UpsampleOp, axis: number, extent: number, output: number, input: number): number {
  const factor = op.factors[axis]!;
  if (op.mode === 'nearest') return output >= input * factor && output < (input + 1) * factor ? 1 : 0;
  const source = {
    'half-pixel': (output + 0.5) / factor - 0.5,
    'align-corners': extent * factor > 1 ? (output / (extent * factor - 1)) * (extent - 1) : 0,
    asymmetric: output / factor,
  }[op.coordinates!];
  const inside = Math.max(0, Math.min(extent - 1, source));
  return Math.max(0, 1 - Math.abs(inside - input));
}

/** Every op but convolutions, pools, activations and what keeps the data as it is. */
export function naiveOther(op: Op, inputs: readonly NaiveInput[], weight: (role: string) => Field): Field {
  const { at, shape } = inputs[0]!;
  switch (op.kind) {
    case 'dense':
      return ([unit]) =>
        sum([...indices(shape)].map((place) => at(place) * weight('kernel')([...place, unit!])));
    case 'bias':
      return (index) => at(index) + weight('bias')([index.at(-1)!]);
    case 'batch-norm':
      return (index) => {
        const channel = [index.at(-1)!];
        const gamma = op.scale ? weight('gamma')(channel) : 1;
        const beta = op.center ? weight('beta')(channel) : 0;
        const deviation = Math.sqrt(weight('variance')(channel) + op.epsilon);
        return ((at(index) - weight('mean')(channel)) / deviation) * gamma + beta;
      };
    case 'global-pool':
      return (index) => {
        const values = [...indices(shape.slice(0, -1))].map((place) => at([...place, index.at(-1)!]));
        return op.mode === 'max' ? Math.max(...values) : sum(values) / values.length;
      };
    case 'merge':
      return (index) => {
        const values = inputs.map((input) =>
          input.at(index.map((i, axis) => Math.min(i, input.shape[axis]! - 1))),
        );
        if (op.mode === 'add') return sum(values);
        if (op.mode === 'average') return sum(values) / values.length;
        if (op.mode === 'subtract') return values[0]! - values[1]!;
        if (op.mode === 'multiply') return values.reduce((product, value) => product * value, 1);
        return op.mode === 'maximum' ? Math.max(...values) : Math.min(...values);
      };
    case 'concat':
      return (index) => {
        // Every place along the axis, one input after the other.
        const places = inputs.flatMap((input) =>
          Array.from({ length: input.shape[op.axis]! }, (_, i) => ({ input, i })),
        );
        const { input, i } = places[index[op.axis]!]!;
        return input.at(index.with(op.axis, i));
      };
    case 'pad':
      return padded(at, shape, op.padding, op.value);
    case 'softmax':
      return (index) => {
        const along = Array.from({ length: shape[op.axis]! }, (_, i) => Math.exp(at(index.with(op.axis, i))));
        return Math.exp(at(index)) / sum(along);
      };
    case 'lrn':
      return (index) => {
        const near = Array.from({ length: shape.at(-1)! }, (_, c) => c).filter(
          (c) => Math.abs(c - index.at(-1)!) <= op.radius,
        );
        const power = sum(near.map((c) => at([...index.slice(0, -1), c]) ** 2));
        return at(index) / Math.pow(op.bias + op.alpha * power, op.beta);
      };
    case 'upsample':
      // A sum over all elements, each with its share: none where it is a whole step away.
      return (index) =>
        sum(
          [...indices(shape.slice(0, -1))].map((place) => {
            const shares = place.map((at, axis) => upsampleShare(op, axis, shape[axis]!, index[axis]!, at));
            const share = shares.reduce((product, factor) => product * factor, 1);
            return share === 0 ? 0 : share * at([...place, index.at(-1)!]);
          }),
        );
    case 'conv':
    case 'max-pool':
    case 'avg-pool':
    case 'activation':
    case 'reshape':
    case 'identity':
      throw new Error(`no naive definition of ${op.kind}`);
  }
}
