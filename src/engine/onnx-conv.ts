import { boxShape, length, shapeSize, type Range } from '../graph/box.ts';
import type { ConvOp, Padding } from '../graph/op.ts';
import type { TileStep } from '../graph/tile-program.ts';
import { int, ints, type KeptWeight, type OnnxGraph, type Value } from './onnx-graph.ts';
import { convKernel, kernelAsItCame, type KernelOrder } from './onnx-weights.ts';

/** Output channels that one `Conv` makes: all of some groups, or some of one. In the tile's coordinates. */
interface Piece {
  readonly groups: number;
  readonly in: Range;
  readonly out: Range;
}

/** To three axes: time, height, width. */
const lift3 = <T>(values: readonly T[], neutral: T): [T, T, T] =>
  [...Array<T>(3 - values.length).fill(neutral), ...values] as [T, T, T];

const none: Padding = [0, 0];

/**
 * A convolution over 1, 2 or 3 axes. Over time, frames are the batch, and the frames that a window sees are laid side by
 * side in the channels: one 2-D convolution, which is faster than a 3-D one in spite of the copies. With groups that
 * order of channels would be wrong; there it is a 3-D one.
 * @param x the region, without padding.
 */
export function emitConv(
  graph: OnnxGraph,
  op: ConvOp,
  step: TileStep,
  x: Value,
  kernel: { readonly index: number; readonly values: Float32Array },
  bias: KeptWeight | undefined,
): Value {
  const { region, padding } = step.inputs[0]!;
  const shape = lift4(boxShape(step.output));
  const size = lift3(op.kernelSize, 1);
  const [timeStride] = lift3(op.strides, 1);
  const pads = lift3(padding.slice(0, -1), none);
  const overTime = size[0] > 1 || timeStride > 1 || pads[0][0] + pads[0][1] > 0;
  const sideBySide = overTime && op.groups === 1;
  const out = step.output.at(-1)!;
  const inPerGroup = step.inputShapes[0]!.at(-1)! / op.groups;
  const order: KernelOrder = {
    taps: sideBySide ? size[0] : 1,
    places: sideBySide ? size[1] * size[2] : shapeSize(size),
    inChannels: op.groups === 1 ? length(region.at(-1)!) : inPerGroup,
    outChannels: length(out),
  };
  const { index } = kernel;
  const kept: KeptWeight = {
    values: convKernel(kernel.values, order),
    of: { index, restore: restoring(order) },
  };
  const source = sideBySide ? framesSideBySide(graph, op, x, pads[0], shape[0]!) : x;
  const perOutput = order.taps * order.inChannels;
  const results = piecesOf(op, inPerGroup, region.at(-1)!, out).map((piece) => {
    const outputs = length(piece.out);
    const window = overTime && !sideBySide ? size : size.slice(1);
    const weights = graph.kernel(
      kept,
      [outputs, perOutput, ...window],
      piece.out[0] * perOutput * order.places,
    );
    const biases = bias ? [graph.kernel(bias, [outputs], piece.out[0])] : [];
    const part = sideBySide ? source : channels(graph, source, piece.in);
    return overTime && !sideBySide
      ? filmConv(graph, op, part, pads, [weights, ...biases], piece.groups, [...shape.slice(0, -1), outputs])
      : graph.emit('Conv', [graph.as('first', part), weights, ...biases], {
          ...windowed(size.slice(1), lift3(op.strides, 1).slice(1), lift3(op.dilations, 1).slice(1), pads.slice(1)),
          group: int(piece.groups),
        }); // prettier-ignore
  });
  const first = results.length === 1 ? results[0]! : graph.emit('Concat', results, { axis: int(1) });
  return { shape, names: { first } };
}

/** Apart from `emitConv`: a closure of that would hold what it was given as long as the tile lives. */
const restoring =
  (order: KernelOrder) =>
  (values: Float32Array): Float32Array =>
    kernelAsItCame(values, order);

const lift4 = (shape: readonly number[]): number[] => [...Array<number>(4 - shape.length).fill(1), ...shape];

export function windowed(
  size: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  padding: readonly Padding[],
): Record<'kernel_shape' | 'strides' | 'dilations' | 'pads', ReturnType<typeof ints>> {
  return {
    kernel_shape: ints(size),
    strides: ints(strides),
    dilations: ints(dilations),
    // All that come before the data, then all behind it.
    pads: ints([...padding.map(([before]) => before), ...padding.map(([, after]) => after)]),
  };
}

function channels(graph: OnnxGraph, x: Value, [start, end]: Range): Value {
  const begin = x.shape.map((_, axis) => (axis === x.shape.length - 1 ? start : 0));
  return graph.slice(x, begin, x.shape.with(-1, end - start));
}

/** Cut where a group begins or ends inside the tile. */
function piecesOf(op: ConvOp, inPerGroup: number, held: Range, [start, end]: Range): Piece[] {
  if (op.groups === 1) return [{ groups: 1, in: [0, length(held)], out: [0, end - start] }];
  const outPerGroup = op.outChannels / op.groups;
  const firstWhole = Math.ceil(start / outPerGroup) * outPerGroup;
  const lastWhole = Math.floor(end / outPerGroup) * outPerGroup;
  const cuts = [...new Set([start, Math.min(end, firstWhole), Math.max(start, lastWhole), end])].sort((a, b) => a - b); // prettier-ignore
  return cuts.slice(1).map((to, index) => {
    const from = cuts[index]!;
    const group = Math.floor(from / outPerGroup);
    const groups = Math.ceil(to / outPerGroup) - group;
    const inStart = group * inPerGroup - held[0];
    return { groups, in: [inStart, inStart + groups * inPerGroup], out: [from - start, to - start] };
  });
}

/** `[frames, taps · channels, h, w]`: per output frame those that its window sees. */
function framesSideBySide(graph: OnnxGraph, op: ConvOp, x: Value, padding: Padding, frames: number): Value {
  const [taps] = lift3(op.kernelSize, 1);
  const [stride] = lift3(op.strides, 1);
  const [dilation] = lift3(op.dilations, 1);
  const first: Value = { shape: x.shape, names: { first: graph.as('first', x) } };
  const padded = graph.pad(first, [padding, none, none, none], 0);
  const [, h, w, c] = padded.shape as [number, number, number, number];
  const seen = Array.from({ length: taps }, (_, tap) =>
    graph.as('first', graph.slice(padded, [tap * dilation, 0, 0, 0], [frames, h, w, c], [stride, 1, 1, 1])),
  );
  const name = taps === 1 ? seen[0]! : graph.emit('Concat', seen, { axis: int(1) });
  return { shape: [frames, h, w, taps * c], names: { first: name } };
}

/** A 3-D convolution over `[1, c, d, h, w]`; the name of its result as `[d, c, h, w]`. */
function filmConv(
  graph: OnnxGraph,
  op: ConvOp,
  x: Value,
  pads: readonly Padding[],
  weights: readonly string[],
  groups: number,
  shape: readonly number[],
): string {
  const swapped = { perm: ints([1, 0, 2, 3]) };
  const [d, h, w, c] = x.shape as [number, number, number, number];
  const film = graph.emit('Reshape', [
    graph.emit('Transpose', [graph.as('first', x)], swapped),
    graph.integers([1, c, d, h, w]),
  ]);
  const made = graph.emit('Conv', [film, ...weights], {
    ...windowed(lift3(op.kernelSize, 1), lift3(op.strides, 1), lift3(op.dilations, 1), pads),
    group: int(groups),
  });
  const [frames, height, width, outputs] = shape as [number, number, number, number];
  return graph.emit(
    'Transpose',
    [graph.emit('Reshape', [made, graph.integers([outputs, frames, height, width])])],
    swapped,
  );
}
