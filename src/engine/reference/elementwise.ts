import { boxShape, isEmpty, length, type Box, type Range } from '../../graph/box.ts';
import type {
  BatchNormOp,
  BiasOp,
  ConcatOp,
  IdentityOp,
  MergeOp,
  PadOp,
  ReshapeOp,
  SoftmaxOp,
} from '../../graph/op.ts';
import { transferRegion } from '../../graph/region-copy.ts';
import { allocate, type Kernel, type KernelInput } from './kernel.ts';

export const bias: Kernel<BiasOp> = ({ inputs, weights }) => {
  const vector = weights.get('bias')!;
  return inputs[0]!.data.map((value, index) => value + vector[index % vector.length]!);
};

export const batchNorm: Kernel<BatchNormOp> = ({ op, inputs, weights }) => {
  const mean = weights.get('mean')!;
  const variance = weights.get('variance')!;
  const gamma = weights.get('gamma');
  const beta = weights.get('beta');
  return inputs[0]!.data.map((value, index) => {
    const c = index % mean.length;
    const normal = (value - mean[c]!) / Math.sqrt(variance[c]! + op.epsilon);
    return normal * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0);
  });
};

const combine: Record<MergeOp['mode'], (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  average: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  maximum: Math.max,
  minimum: Math.min,
};

/** An input at every element of the output box: axes of extent 1 repeat. */
function broadcast(input: KernelInput, output: Box): Float32Array {
  const held = boxShape(input.region);
  const wanted = boxShape(output);
  if (held.every((extent, axis) => extent === wanted[axis])) return input.data;
  const result = allocate(output);
  const place = wanted.map(() => 0);
  for (let index = 0; index < result.length; index++) {
    let offset = 0;
    for (let axis = 0; axis < held.length; axis++) {
      offset = offset * held[axis]! + (held[axis] === 1 ? 0 : place[axis]!);
    }
    result[index] = input.data[offset]!;
    for (let axis = held.length - 1; axis >= 0 && ++place[axis]! === wanted[axis]; axis--) place[axis] = 0;
  }
  return result;
}

export const merge: Kernel<MergeOp> = ({ op, inputs, output }) => {
  const parts = inputs.map((input) => broadcast(input, output));
  const step = combine[op.mode];
  const divisor = op.mode === 'average' ? parts.length : 1;
  return parts[0]!.map((first, index) => {
    let value = first;
    for (let part = 1; part < parts.length; part++) value = step(value, parts[part]![index]!);
    return value / divisor;
  });
};

export const concat: Kernel<ConcatOp> = ({ op, inputs, output }) => {
  const result = allocate(output);
  let offset = 0;
  for (const input of inputs) {
    const shift = offset;
    const place = input.region.map(([start, end], axis): Range =>
      axis === op.axis ? [start + shift, end + shift] : [start, end],
    );
    if (!isEmpty(input.region)) transferRegion(input.data, place, result, output, place);
    offset += input.shape[op.axis]!;
  }
  return result;
};

export const pad: Kernel<PadOp> = ({ op, inputs, output }) => {
  const { data, region, padding } = inputs[0]!;
  const result = allocate(output).fill(op.value);
  if (isEmpty(region)) return result;
  const whole = boxShape(output).map((extent): Range => [0, extent]);
  const place = region.map((range, axis): Range => {
    const before = padding[axis]![0];
    return [before, before + length(range)];
  });
  transferRegion(data, place, result, whole, place);
  return result;
};

/** Row-major order does not change, and a tile holds a reshape whole or cuts it where only axes of extent 1 move. */
export const reshape: Kernel<ReshapeOp> = ({ inputs }) => inputs[0]!.data.slice();
export const identity: Kernel<IdentityOp> = ({ inputs }) => inputs[0]!.data.slice();

export const softmax: Kernel<SoftmaxOp> = ({ op, inputs, output }) => {
  const { data } = inputs[0]!;
  const shape = boxShape(output);
  const count = shape[op.axis]!;
  const stride = shape.slice(op.axis + 1).reduce((product, extent) => product * extent, 1);
  const result = allocate(output);
  for (let start = 0; start < data.length; start++) {
    if (Math.floor(start / stride) % count !== 0) continue;
    let highest = -Infinity;
    for (let i = 0; i < count; i++) highest = Math.max(highest, data[start + i * stride]!);
    let total = 0;
    for (let i = 0; i < count; i++) total += Math.exp(data[start + i * stride]! - highest);
    for (let i = 0; i < count; i++) {
      result[start + i * stride] = Math.exp(data[start + i * stride]! - highest) / total;
    }
  }
  return result;
};
