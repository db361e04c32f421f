import type { ActivationOp } from '../graph/op.ts';
import type { OnnxAttribute } from './onnx-proto.ts';

/** One activation as an op of ONNX. */
export interface OnnxActivation {
  readonly op: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Scalar inputs behind the tensor. */
  readonly operands?: readonly number[];
}

const float = (value: number): OnnxAttribute => ({ type: 'float', value });

/** `undefined` where ONNX takes several ops for it. */
export function onnxActivation({ function: name, alpha }: ActivationOp): OnnxActivation | undefined {
  switch (name) {
    case 'relu':
      return { op: 'Relu' };
    case 'relu6':
      return { op: 'Clip', operands: [0, 6] };
    case 'leaky-relu':
      return { op: 'LeakyRelu', attributes: { alpha: float(alpha!) } };
    case 'elu':
      return { op: 'Elu', attributes: { alpha: float(alpha ?? 1) } };
    case 'selu':
      return { op: 'Selu' };
    case 'sigmoid':
      return { op: 'Sigmoid' };
    case 'hard-sigmoid':
      return { op: 'HardSigmoid', attributes: { alpha: float(0.2), beta: float(0.5) } };
    case 'tanh':
      return { op: 'Tanh' };
    case 'softplus':
      return { op: 'Softplus' };
    case 'softsign':
      return { op: 'Softsign' };
    case 'gelu':
      return { op: 'Gelu' };
    case 'exp':
      return { op: 'Exp' };
    case 'swish':
      return undefined;
  }
}
