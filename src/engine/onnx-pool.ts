import { boxShape, boxSize, shapeSize } from '../graph/box.ts';
import type { AvgPoolOp, GlobalPoolOp, MaxPoolOp, Padding } from '../graph/op.ts';
import type { TileStep } from '../graph/tile-program.ts';
import { windowed } from './onnx-conv.ts';
import { int, layoutOf, lifted, type OnnxGraph, type Value } from './onnx-graph.ts';
import { countsAlong, windowShares } from './window-shares.ts';

type PoolOp = MaxPoolOp | AvgPoolOp;

const none: Padding = [0, 0];

/** Below every finite value, and itself finite. */
const LOWEST = -3.4028234663852886e38;

/** To three axes: time, height, width. */
const lift3 = <T>(values: readonly T[], neutral: T): [T, T, T] =>
  [...Array<T>(3 - values.length).fill(neutral), ...values] as [T, T, T];

/** Max and average pools over 1, 2 or 3 axes: pictures by a pool of their own, with frames as the batch, then time. */
export function emitPool(graph: OnnxGraph, op: PoolOp, step: TileStep, x: Value): Value {
  const { padding } = step.inputs[0]!;
  const dilated = op.dilations?.some((dilation) => dilation > 1) ?? false;
  // The runtime takes no padding as wide as a window.
  if (dilated || padding.some(([before, after], axis) => Math.max(before, after) >= (op.poolSize[axis] ?? 1) && before + after > 0))
    return slicedPool(graph, op, step, x); // prettier-ignore
  const size = lift3(op.poolSize, 1);
  const strides = lift3(op.strides, 1);
  const pads = lift3(padding.slice(0, -1), none);
  const shape = lifted(boxShape(step.output), 1);
  const frames = pictures(graph, op, size.slice(1), strides.slice(1), pads.slice(1), x, shape);
  if (size[0] === 1 && strides[0] === 1) return frames;
  const isMaximum = op.kind === 'max-pool';
  const padded = graph.pad(frames, [pads[0], none, none, none], isMaximum ? LOWEST : 0);
  const pooled = alongAxis(graph, padded, { axis: 0, count: shape[0]!, taps: size[0], stride: strides[0], dilation: 1, isMaximum }); // prettier-ignore
  if (isMaximum) return pooled;
  const counts = countsAlong(op, 0, frames.shape[0]!, pads[0][0], shape[0]!);
  return scaled(graph, pooled, counts.map((count) => 1 / count), [shape[0]!, 1, 1, 1]); // prettier-ignore
}

function pictures(
  graph: OnnxGraph,
  op: PoolOp,
  size: readonly number[],
  strides: readonly number[],
  pads: readonly Padding[],
  x: Value,
  output: readonly number[],
): Value {
  if (shapeSize(size) === 1 && shapeSize(strides) === 1) return x;
  const attributes = windowed(size, strides, [1, 1], pads);
  const first = graph.as('first', x);
  const name =
    op.kind === 'max-pool'
      ? graph.emit('MaxPool', [first], attributes)
      : graph.emit('AveragePool', [first], {
          ...attributes,
          count_include_pad: int(Number(op.countPadding)),
        });
  return { shape: [x.shape[0]!, ...output.slice(1)], names: { first: name } };
}

interface AlongAxis {
  readonly axis: number;
  /** Windows. */
  readonly count: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly isMaximum: boolean;
}

/** The maximum or the sum of as many slices as the window has taps. */
function alongAxis(graph: OnnxGraph, x: Value, window: AlongAxis): Value {
  const { axis, count, taps, stride, dilation, isMaximum } = window;
  const layout = layoutOf(x);
  const shape = x.shape.with(axis, count);
  const steps = x.shape.map((_, other) => (other === axis ? stride : 1));
  const slices = Array.from({ length: taps }, (_, tap) => {
    const begin = x.shape.map((_, other) => (other === axis ? tap * dilation : 0));
    return graph.as(layout, graph.slice(x, begin, shape, steps));
  });
  const name = slices.reduce((a, b) => graph.emit(isMaximum ? 'Max' : 'Add', [a, b]));
  return { shape, names: { [layout]: name } };
}

function scaled(graph: OnnxGraph, x: Value, factors: ArrayLike<number>, shape: readonly number[]): Value {
  const layout = layoutOf(x);
  const constant = graph.floats(factors, shape);
  const laid = graph.as(layout, { shape, names: { last: constant } });
  return { shape: x.shape, names: { [layout]: graph.emit('Mul', [graph.as(layout, x), laid]) } };
}

/** Axis by axis, for windows that the runtime's pools do not take. */
function slicedPool(graph: OnnxGraph, op: PoolOp, step: TileStep, x: Value): Value {
  const { region, padding } = step.inputs[0]!;
  const isMaximum = op.kind === 'max-pool';
  const outputShape = boxShape(step.output);
  const [size, strides, dilations] = [
    lift3(op.poolSize, 1),
    lift3(op.strides, 1),
    lift3(op.dilations ?? [], 1),
  ];
  const shape = lifted(outputShape, 1);
  let value = graph.pad(x, lifted(padding, none), isMaximum ? LOWEST : 0);
  for (const axis of [0, 1, 2]) {
    const [taps, stride] = [size[axis]!, strides[axis]!];
    if (taps === 1 && stride === 1) continue;
    value = alongAxis(graph, value, {
      axis,
      count: shape[axis]!,
      taps,
      stride,
      dilation: dilations[axis]!,
      isMaximum,
    });
  }
  if (isMaximum) return value;
  const shares = windowShares(op, boxShape(region), padding, outputShape);
  return scaled(graph, value, shares, [...shape.slice(0, -1), 1]);
}

export function emitGlobalPool(graph: OnnxGraph, op: GlobalPoolOp, step: TileStep, x: Value): Value {
  const channels = x.shape.at(-1)!;
  const shape = lifted(boxShape(step.output), 1);
  if (x.shape.length === 4 && x.shape[0] === 1) {
    const pool = op.mode === 'avg' ? 'GlobalAveragePool' : 'GlobalMaxPool';
    const pooled: Value = {
      shape: [1, 1, 1, channels],
      names: { first: graph.emit(pool, [graph.as('first', x)]) },
    };
    return { shape, names: { last: graph.reshaped(pooled, shape) } };
  }
  const rows = graph.reshaped(x, [boxSize(step.inputs[0]!.region) / channels, channels]);
  const reduce = op.mode === 'avg' ? 'ReduceMean' : 'ReduceMax';
  const pooled = graph.emit(reduce, [rows, graph.integers([0])], { keepdims: int(1) });
  return { shape, names: { last: graph.emit('Reshape', [pooled, graph.integers(shape)]) } };
}
