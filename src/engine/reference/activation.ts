import type { ActivationOp } from '../../graph/op.ts';
import { unreachable } from '../../shared/errors.ts';
import type { Kernel } from './kernel.ts';

// Klambauer et al., "Self-Normalizing Neural Networks" (arXiv:1706.02515).
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** Abramowitz and Stegun 7.1.26 is only good to 1.5e-7; this Chebyshev fit (Numerical Recipes, erfc) has a relative error of 1.2e-7. */
function erf(x: number): number {
  const z = Math.abs(x);
  const t = 2 / (2 + z);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ];
  const series = coefficients.reduceRight((sum, coefficient) => coefficient + t * sum, 0);
  const complement = t * Math.exp(-z * z + series);
  return x >= 0 ? 1 - complement : complement - 1;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function scalarFunction(op: ActivationOp): (x: number) => number {
  const alpha = op.alpha ?? 1;
  switch (op.function) {
    case 'relu':
      return (x) => Math.max(0, x);
    case 'relu6':
      return (x) => Math.min(6, Math.max(0, x));
    case 'leaky-relu':
      return (x) => (x >= 0 ? x : alpha * x);
    case 'elu':
      return (x) => (x >= 0 ? x : alpha * Math.expm1(x));
    case 'selu':
      return (x) => SELU_SCALE * (x >= 0 ? x : SELU_ALPHA * Math.expm1(x));
    case 'sigmoid':
      return sigmoid;
    case 'hard-sigmoid':
      return (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5));
    case 'tanh':
      return Math.tanh;
    case 'softplus':
      // log(1 + eˣ) without overflow.
      return (x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
    case 'softsign':
      return (x) => x / (1 + Math.abs(x));
    case 'swish':
      return (x) => x * sigmoid(x);
    case 'gelu':
      return (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));
    case 'exp':
      return Math.exp;
    default:
      return unreachable(op.function);
  }
}

export const activation: Kernel<ActivationOp> = ({ op, inputs }) => inputs[0]!.data.map(scalarFunction(op));
