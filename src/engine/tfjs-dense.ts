import * as tf from '@tensorflow/tfjs-core';
import { boxShape, boxSize } from '../graph/box.ts';
import type { TileStep } from '../graph/tile-program.ts';
import type { KeepTensor, Tail } from './tfjs-conv.ts';
import type { HeapKernels } from './tfjs-heap.ts';

/**
 * A dense layer over the input's region, whatever its rank: the kernel's rows are the region in row-major order.
 *
 * On wasm by a kernel of our own: tfjs' matMul packs a second copy of the weights at the first call, which takes as
 * long as seventy later ones.
 */
export function prepareDense(
  step: TileStep,
  values: Float32Array,
  tail: Tail,
  keep: KeepTensor,
  heap: HeapKernels | undefined,
): (x: tf.Tensor) => tf.Tensor {
  const units = boxShape(step.output)[0]!;
  const rows = boxSize(step.inputs[0]!.region);
  const kernel = keep(values, [rows, units]) as tf.Tensor2D;
  const bias = tail.bias && keep(tail.bias, [units]);
  const { activation } = tail;
  if (heap) return (x) => heap.dense(x, kernel, bias, activation);
  return (x) => {
    const a = tf.reshape<tf.Rank.R2>(x, [1, rows]);
    const y =
      bias || activation
        ? tf.fused.matMul({ a, b: kernel, ...(bias ? { bias } : {}), activation: activation ?? 'linear' })
        : tf.matMul(a, kernel);
    return tf.reshape(y, [units]);
  };
}
