import type { ActivationFunction, ActivationOp, SoftmaxOp } from '../graph/op.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { corrupt, isObject, shown } from './json-reader.ts';

const FUNCTIONS: Readonly<Record<string, ActivationFunction | 'softmax' | 'linear'>> = {
  linear: 'linear',
  relu: 'relu',
  relu6: 'relu6',
  elu: 'elu',
  selu: 'selu',
  sigmoid: 'sigmoid',
  hardsigmoid: 'hard-sigmoid',
  tanh: 'tanh',
  softplus: 'softplus',
  softsign: 'softsign',
  swish: 'swish',
  silu: 'swish',
  gelu: 'gelu',
  exponential: 'exp',
  softmax: 'softmax',
};

/** The op of an activation given by name; none for `linear`. `rank` is that of the tensor it acts on. */
export function activationOp(
  raw: unknown,
  rank: number,
  where: string,
): ActivationOp | SoftmaxOp | undefined {
  const name = activationName(raw, where);
  const key = name.toLowerCase().replaceAll('_', '');
  const kind = Object.hasOwn(FUNCTIONS, key) ? FUNCTIONS[key] : undefined;
  if (!kind) {
    throw new PeerceptronError(
      'MODEL_UNSUPPORTED',
      `${where}: activation '${name}' is not supported; supported are ${Object.keys(FUNCTIONS).join(', ')}`,
    );
  }
  if (kind === 'linear') return undefined;
  if (kind === 'softmax') return { kind: 'softmax', axis: rank - 1 };
  return { kind: 'activation', function: kind };
}

/** `"relu"`, `{ class_name: "ReLU" }` or `{ class_name: "function", config: "relu" }`. */
function activationName(raw: unknown, where: string): string {
  if (raw === undefined || raw === null) return 'linear';
  if (typeof raw === 'string') return raw;
  if (isObject(raw)) {
    if (raw['class_name'] === 'function' && typeof raw['config'] === 'string') return raw['config'];
    // With settings of its own it would not be the function of that name any more.
    const settings = isObject(raw['config'])
      ? Object.keys(raw['config']).filter((key) => key !== 'name')
      : [];
    if (typeof raw['class_name'] === 'string' && settings.length === 0) return raw['class_name'];
  }
  return corrupt(where, `'activation' should be a name, it is ${shown(raw)}`);
}
