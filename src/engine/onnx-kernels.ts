import { boxShape, isEmpty } from '../graph/box.ts';
import type { FusedActivation, FusedStep } from '../graph/fusion.ts';
import type { ActivationOp, MergeOp } from '../graph/op.ts';
import { batchNormTerms } from './batch-norm-terms.ts';
import { onnxActivation } from './onnx-activation.ts';
import { emitConv } from './onnx-conv.ts';
import {
  axisIn,
  inLayout,
  int,
  layoutOf,
  lifted,
  type KeptWeight,
  type Layout,
  type OnnxGraph,
  type Value,
} from './onnx-graph.ts';
import { emitGlobalPool, emitPool } from './onnx-pool.ts';
import { emitLrn, emitUpsample } from './onnx-resample.ts';

/**
 * Writes one step, what is fused behind it included.
 * @param inputs cropped to their regions; undefined where nothing is needed of one.
 * @param weights one buffer per entry of `TileProgram.weights`.
 */
export function emitStep(
  graph: OnnxGraph,
  { step, epilogue }: FusedStep,
  inputs: readonly (Value | undefined)[],
  weights: readonly Float32Array[],
): Value {
  const { op } = step;
  const shape = lifted(boxShape(step.output), 1);
  const x = inputs[0]!;
  const kept = (index: number): KeptWeight => ({ values: weights[index]!, of: { index } });
  const indexOf = (role: string): number => {
    const index = step.weights.find((candidate) => candidate.role === role)?.index ?? -1;
    if (!weights[index]) throw new Error(`there is no weight for the role ${role}`);
    return index;
  };
  switch (op.kind) {
    case 'conv':
    case 'dense': {
      // A partial sum over nothing; nothing follows a partial sum.
      if (isEmpty(step.inputs[0]!.region)) return graph.filled(boxShape(step.output), 0);
      const index = indexOf('kernel');
      const bias = epilogue.bias && kept(epilogue.bias.index);
      const made =
        op.kind === 'conv'
          ? emitConv(graph, op, step, x, { index, values: weights[index]! }, bias)
          : emitDense(graph, x, kept(index), bias, shape);
      return epilogue.activation ? emitActivation(graph, activationOf(epilogue.activation), made) : made;
    }
    case 'bias':
      return withVector(graph, 'Add', x, kept(indexOf('bias')));
    case 'batch-norm': {
      const { scale, offset } = batchNormTerms(op, (role) => weights[indexOf(role)]!);
      return withVector(graph, 'Add', withVector(graph, 'Mul', x, { values: scale }), { values: offset });
    }
    case 'max-pool':
    case 'avg-pool':
      return emitPool(graph, op, step, x);
    case 'global-pool':
      return emitGlobalPool(graph, op, step, x);
    case 'merge':
      return emitMerge(graph, op.mode, inputs as readonly Value[], shape);
    case 'concat': {
      const parts = inputs.filter((part) => part !== undefined);
      if (parts.length === 1) return parts[0]!;
      const layout = commonLayout(parts);
      const axis = axisIn(layout, op.axis + shape.length - step.output.length);
      const names = parts.map((part) => graph.as(layout, part));
      return { shape, names: { [layout]: graph.emit('Concat', names, { axis: int(axis) }) } };
    }
    case 'pad':
      return inputs[0]
        ? graph.pad(x, lifted(step.inputs[0]!.padding, [0, 0]), op.value)
        : graph.filled(boxShape(step.output), op.value);
    case 'reshape':
      return { shape, names: { last: graph.reshaped(x, shape) } };
    case 'activation':
      return emitActivation(graph, op, x);
    case 'softmax': {
      const layout = layoutOf(x);
      const axis = axisIn(layout, op.axis + shape.length - step.output.length);
      return {
        shape,
        names: { [layout]: graph.emit('Softmax', [graph.as(layout, x)], { axis: int(axis) }) },
      };
    }
    case 'lrn':
      return emitLrn(graph, op, step, x);
    case 'upsample':
      return emitUpsample(graph, op, step, x);
    case 'identity':
      return x;
  }
}

const activationOf = (name: FusedActivation): ActivationOp => ({ kind: 'activation', function: name });

/** First where one of them is there that way: a transposition less, and what follows is likely to want it. */
const commonLayout = (values: readonly Value[]): Layout =>
  values.some((value) => layoutOf(value) === 'first') ? 'first' : 'last';

/** The kernel's rows are the region in row-major order, so it is used as it came. */
function emitDense(
  graph: OnnxGraph,
  x: Value,
  kernel: KeptWeight,
  bias: KeptWeight | undefined,
  shape: readonly number[],
): Value {
  const units = shape.at(-1)!;
  const rows = kernel.values.length / units;
  const operands = [graph.reshaped(x, [1, rows]), graph.weight(kernel, [rows, units])];
  if (bias) operands.push(graph.weight(bias, [units]));
  const made = graph.emit('Gemm', operands);
  return { shape, names: { last: graph.emit('Reshape', [made, graph.integers(shape)]) } };
}

/** An element-wise op of two inputs, the second one a value per channel. */
function withVector(graph: OnnxGraph, op: string, x: Value, vector: KeptWeight): Value {
  const layout = layoutOf(x);
  const channels = x.shape.at(-1)!;
  const spread = x.shape.map((_, axis) => (axis === x.shape.length - 1 ? channels : 1));
  const operand = graph.weight(vector, inLayout(layout, spread));
  return { shape: x.shape, names: { [layout]: graph.emit(op, [graph.as(layout, x), operand]) } };
}

function emitActivation(graph: OnnxGraph, op: ActivationOp, x: Value): Value {
  const layout = layoutOf(x);
  const source = graph.as(layout, x);
  const activation = onnxActivation(op);
  const name = activation
    ? graph.emit(
        activation.op,
        [source, ...(activation.operands ?? []).map((value) => graph.floats([value], []))],
        activation.attributes,
      )
    : graph.emit('Mul', [source, graph.emit('Sigmoid', [source])]);
  return { shape: x.shape, names: { [layout]: name } };
}

const MERGES = {
  add: 'Add',
  average: 'Add',
  subtract: 'Sub',
  multiply: 'Mul',
  maximum: 'Max',
  minimum: 'Min',
} as const;

/** Two at a time, in the order of the inputs. */
function emitMerge(
  graph: OnnxGraph,
  mode: MergeOp['mode'],
  inputs: readonly Value[],
  shape: readonly number[],
): Value {
  const layout = commonLayout(inputs);
  const merged = inputs
    .map((input) => graph.as(layout, input))
    .reduce((a, b) => graph.emit(MERGES[mode], [a, b]));
  const name =
    mode === 'average' ? graph.emit('Mul', [merged, graph.floats([1 / inputs.length], [])]) : merged;
  return { shape, names: { [layout]: name } };
}
