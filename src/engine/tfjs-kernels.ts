import * as tf from '@tensorflow/tfjs-core';
import { boxShape, isEmpty, shapeSize } from '../graph/box.ts';
import type { MergeOp } from '../graph/op.ts';
import type { TileStep } from '../graph/tile-program.ts';
import { batchNormTerms } from './batch-norm-terms.ts';
import { activate, softmax } from './tfjs-activation.ts';
import { prepareConv, type KeepTensor, type Tail } from './tfjs-conv.ts';
import { prepareDense } from './tfjs-dense.ts';
import { fitsHeapConv, prepareHeapConv } from './tfjs-heap-conv.ts';
import type { HeapKernels } from './tfjs-heap.ts';
import { prepareGlobalPool, preparePool } from './tfjs-pool.ts';
import { prepareLrn, prepareUpsample } from './tfjs-resample.ts';
import type { FusedStep } from '../graph/fusion.ts';

/** Computes a step from its inputs, cropped to their regions (undefined where nothing is needed of one); runs in a tidy. */
export type Kernel = (inputs: readonly (tf.Tensor | undefined)[]) => tf.Tensor;

/**
 * Lays out a step's weights once and returns what runs per frame.
 * The kernel keeps no reference to the buffers: see `prepareConv`.
 * @param weights one buffer per entry of `TileProgram.weights`.
 * @param heap our own kernels, on the wasm backend.
 */
export function prepareKernel(
  { step, epilogue }: FusedStep,
  weights: readonly Float32Array[],
  keep: KeepTensor,
  heap?: HeapKernels,
): Kernel {
  const { op } = step;
  const outputShape = boxShape(step.output);
  const tail: Tail = {
    bias: epilogue.bias && weights[epilogue.bias.index]!,
    activation: epilogue.activation,
  };
  // A partial sum over nothing; no tail follows a partial sum.
  if ((op.kind === 'conv' || op.kind === 'dense') && isEmpty(step.inputs[0]!.region)) {
    return () => tf.zeros(outputShape);
  }
  switch (op.kind) {
    case 'conv': {
      const filters = weightOf(step, weights, 'kernel');
      const kernel =
        heap && fitsHeapConv(op, step)
          ? prepareHeapConv(op, step, filters, tail, keep, heap)
          : prepareConv(op, step, filters, tail, keep);
      return ([x]) => kernel(x!);
    }
    case 'dense': {
      const kernel = prepareDense(step, weightOf(step, weights, 'kernel'), tail, keep, heap);
      return ([x]) => kernel(x!);
    }
    case 'bias': {
      const bias = keep(weightOf(step, weights, 'bias'), [outputShape.at(-1)!]);
      return ([x]) => tf.reshape(tf.add(asRows(x!), bias), outputShape);
    }
    case 'batch-norm': {
      const { scale, offset } = batchNormTerms(op, rolesOf(step, weights));
      const factors = keep(scale, [scale.length]);
      const terms = keep(offset, [offset.length]);
      return ([x]) => tf.reshape(tf.add(tf.mul(asRows(x!), factors), terms), outputShape);
    }
    case 'max-pool':
    case 'avg-pool': {
      const kernel = preparePool(op, step, keep);
      return ([x]) => kernel(x!);
    }
    case 'global-pool': {
      const kernel = prepareGlobalPool(op, step);
      return ([x]) => kernel(x!);
    }
    case 'merge':
      return (inputs) => merge(op.mode, inputs as readonly tf.Tensor[]);
    case 'concat':
      return (inputs) => {
        const parts = inputs.filter((part) => part !== undefined);
        return parts.length === 1 ? tf.clone(parts[0]!) : tf.concat(parts, op.axis);
      };
    case 'pad': {
      const paddings = step.inputs[0]!.padding.map(([before, after]): [number, number] => [before, after]);
      const isPadded = paddings.some(([before, after]) => before + after > 0);
      return ([x]) => {
        if (!x) return tf.fill(outputShape, op.value);
        return isPadded ? pad(x, paddings, op.value) : tf.clone(x);
      };
    }
    case 'reshape':
      return ([x]) => tf.reshape(x!, outputShape);
    case 'activation':
      return ([x]) => activate(op, x!);
    case 'softmax':
      return ([x]) => softmax(x!, op.axis);
    case 'lrn': {
      const kernel = prepareLrn(op, step, keep);
      return ([x]) => kernel(x!);
    }
    case 'upsample': {
      const kernel = prepareUpsample(op, step, keep);
      return ([x]) => kernel(x!);
    }
    case 'identity':
      return ([x]) => tf.clone(x!);
  }
}

/** `[places, channels]`: on webgpu a vector beside a tensor of five or more axes is read at wrong places. */
const asRows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);

/** The GPU backends pad up to four axes: of more, one after the other. */
function pad(x: tf.Tensor, paddings: readonly [number, number][], value: number): tf.Tensor {
  if (x.rank <= 4) return tf.pad(x, [...paddings], value);
  return paddings.reduce((source, [before, after], axis) => {
    if (before + after === 0) return source;
    const { shape } = source;
    const extent = shape[axis]!;
    const rows = tf.reshape(source, [
      shapeSize(shape.slice(0, axis)),
      extent,
      shapeSize(shape.slice(axis + 1)),
    ]);
    const padded = tf.pad(rows, [[0, 0], [before, after], [0, 0]], value); // prettier-ignore
    return tf.reshape(padded, shape.with(axis, extent + before + after));
  }, x);
}

/** Apart from `prepareKernel`: a closure of that would hold the weights as long as the kernels live. */
const rolesOf =
  (step: TileStep, weights: readonly Float32Array[]) =>
  (role: string): Float32Array =>
    weightOf(step, weights, role);

function weightOf(step: TileStep, weights: readonly Float32Array[], role: string): Float32Array {
  const index = step.weights.find((candidate) => candidate.role === role)?.index ?? -1;
  const values = weights[index];
  if (!values) throw new Error(`there is no weight for the role ${role}`);
  return values;
}

function merge(mode: MergeOp['mode'], inputs: readonly tf.Tensor[]): tf.Tensor {
  const fold = (combine: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): tf.Tensor =>
    inputs.slice(1).reduce(combine, inputs[0]!);
  switch (mode) {
    case 'add':
      return fold((a, b) => tf.add(a, b));
    case 'subtract':
      return fold((a, b) => tf.sub(a, b));
    case 'multiply':
      return fold((a, b) => tf.mul(a, b));
    case 'maximum':
      return fold((a, b) => tf.maximum(a, b));
    case 'minimum':
      return fold((a, b) => tf.minimum(a, b));
    case 'average':
      return tf.mul(
        fold((a, b) => tf.add(a, b)),
        1 / inputs.length,
      );
  }
}
