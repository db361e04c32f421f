import * as tf from '@tensorflow/tfjs-core';
import type { ActivationOp } from '../graph/op.ts';

export function activate(op: ActivationOp, x: tf.Tensor): tf.Tensor {
  switch (op.function) {
    case 'relu':
      return tf.relu(x);
    case 'relu6':
      return tf.relu6(x);
    case 'leaky-relu':
      return leakyRelu(x, op.alpha!);
    case 'elu':
      return scaledElu(x, op.alpha ?? 1);
    case 'selu':
      return tf.selu(x);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'hard-sigmoid':
      // As Keras defines it.
      return tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1);
    case 'tanh':
      // The wasm kernel is thirty times slower than its sigmoid.
      return tf.getBackend() === 'wasm' ? tf.sub(tf.mul(tf.sigmoid(tf.mul(x, 2)), 2), 1) : tf.tanh(x);
    case 'softplus':
      return tf.softplus(x);
    case 'softsign':
      return tf.div(x, tf.add(tf.abs(x), 1));
    case 'swish':
      return tf.mul(x, tf.sigmoid(x));
    case 'gelu':
      // The exact form; the tanh approximation differs in the fourth digit.
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    case 'exp':
      return tf.exp(x);
  }
}

/** On wasm as `αx + (1 − α)·relu(x)`, whose kernels are fast there; leakyRelu's and maximum's are not. */
function leakyRelu(x: tf.Tensor, alpha: number): tf.Tensor {
  if (tf.getBackend() !== 'wasm') return tf.leakyRelu(x, alpha);
  return tf.add(tf.mul(x, alpha), tf.mul(tf.relu(x), 1 - alpha));
}

function scaledElu(x: tf.Tensor, alpha: number): tf.Tensor {
  if (alpha === 1) return tf.elu(x);
  return tf.add(tf.relu(x), tf.mul(tf.elu(tf.minimum(x, 0)), alpha));
}

/** Softmax along any axis; tfjs knows the last one only. */
export function softmax(x: tf.Tensor, axis: number): tf.Tensor {
  if (axis === x.rank - 1) return tf.softmax(x);
  const powers = tf.exp(tf.sub(x, tf.max(x, axis, true)));
  return tf.div(powers, tf.sum(powers, axis, true));
}
