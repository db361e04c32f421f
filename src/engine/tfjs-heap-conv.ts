import type * as tf from '@tensorflow/tfjs-core';
import { boxShape, length, shapeSize } from '../graph/box.ts';
import type { ConvOp } from '../graph/op.ts';
import type { TileStep } from '../graph/tile-program.ts';
import type { KeepTensor, KeptForm, Tail } from './tfjs-conv.ts';
import type { HeapConv, HeapKernels } from './tfjs-heap.ts';

/** Output channels that the kernel sums at a time: `PANEL` of `kernels/conv.ts`. */
const PANEL = 8;
/** Places are summed in groups of as many. */
const PLACES = 4;
/** Of the table of one round: 256 KiB, which stays in a second-level cache beside the input. */
const TABLE_ENTRIES = 65_536;
/** Input that is read again for every panel of one round; filters are read again for every round. */
const ROUND_INPUT_BYTES = 512 * 1024;

/** Depthwise filters have one input channel each: nothing for this kernel to sum over. */
export const fitsHeapConv = (op: ConvOp, step: TileStep): boolean =>
  op.groups === 1 || step.inputShapes[0]!.at(-1)! > op.groups;

/**
 * A convolution over one to three axes, grouped or not, by our own kernel on the wasm heap. The filters are kept in
 * panels of eight output channels, in place of the row-major ones: there is one copy of them.
 */
export function prepareHeapConv(
  op: ConvOp,
  step: TileStep,
  kernel: Float32Array,
  tail: Tail,
  keep: KeepTensor,
  heap: HeapKernels,
): (x: tf.Tensor) => tf.Tensor {
  const { region, padding } = step.inputs[0]!;
  const outputShape = boxShape(step.output);
  const lift = (values: readonly number[], neutral: number): number[] => [
    ...Array<number>(3 - op.kernelSize.length).fill(neutral),
    ...values.slice(0, op.kernelSize.length),
  ];
  const inputs = lift(boxShape(region), 1);
  const outputs = lift(outputShape, 1);
  const filter = lift(op.kernelSize, 1);
  const before = lift(
    padding.map(([start]) => start),
    0,
  );
  const inWidth = length(region.at(-1)!);
  const outWidth = outputShape.at(-1)!;
  const taps = shapeSize(filter);
  const places = shapeSize(outputs);
  const inPerGroup = step.inputShapes[0]!.at(-1)! / op.groups;
  const inChannels = op.groups === 1 ? inWidth : inPerGroup;
  const round = placesPerRound(places, taps, inWidth);

  const parts = groupsOf(op, step, inPerGroup).map(({ inOffset, from, to }): HeapConv => {
    const channels = to - from;
    const geometry = [
      ...[inputs, outputs, filter, lift(op.strides, 1), lift(op.dilations, 1), before].flat(),
      ...[4 * inWidth, 4 * outWidth, inChannels, channels, round],
    ];
    const bias = new Float32Array(Math.ceil(channels / PANEL) * PANEL);
    if (tail.bias) bias.set(tail.bias.subarray(from, to));
    const rows = taps * inChannels;
    const panels = toPanels(kernel, rows, outWidth, from, to);
    // The groups of a grouped convolution have a part of the weights each.
    const isWhole = channels === outWidth;
    return {
      geometry: keep(Int32Array.from(geometry), [geometry.length]),
      filters: keep(panels, [panels.length], isWhole ? panelForm(kernel, rows, outWidth) : undefined),
      bias: keep(bias, [bias.length], isWhole && tail.bias ? paddedForm(tail.bias, channels) : undefined),
      zeros: keep(new Float32Array(inChannels), [inChannels]),
      inOffset,
      outOffset: from,
      places,
      macs: places * rows * channels,
    };
  });
  return running(heap, parts, outputShape, round * taps, tail.activation);
}

/** Apart from `prepareHeapConv`, whose closures would keep the raw weights alive. */
const running =
  (
    heap: HeapKernels,
    parts: readonly HeapConv[],
    outputShape: readonly number[],
    tableEntries: number,
    activation: Tail['activation'],
  ) =>
  (x: tf.Tensor): tf.Tensor =>
    heap.conv(x, parts, outputShape, tableEntries, activation);

/** The groups that a box of output channels touches; `from` and `to` count within the box, `inOffset` within the region. */
function groupsOf(
  op: ConvOp,
  step: TileStep,
  inPerGroup: number,
): { readonly inOffset: number; readonly from: number; readonly to: number }[] {
  const [outStart, outEnd] = step.output.at(-1)!;
  if (op.groups === 1) return [{ inOffset: 0, from: 0, to: outEnd - outStart }];
  const outPerGroup = op.outChannels / op.groups;
  const [inStart] = step.inputs[0]!.region.at(-1)!;
  const parts = [];
  for (let group = Math.floor(outStart / outPerGroup); group * outPerGroup < outEnd; group++) {
    parts.push({
      inOffset: group * inPerGroup - inStart,
      from: Math.max(outStart, group * outPerGroup) - outStart,
      to: Math.min(outEnd, (group + 1) * outPerGroup) - outStart,
    });
  }
  return parts;
}

function placesPerRound(places: number, taps: number, inWidth: number): number {
  const rounds = Math.max(1, Math.round((places * inWidth * 4) / ROUND_INPUT_BYTES));
  const even = Math.ceil(places / rounds / PLACES) * PLACES;
  const most = Math.max(PLACES, Math.floor(TABLE_ENTRIES / taps / PLACES) * PLACES);
  return Math.min(even, most);
}

/** Made apart from the tile, whose scope holds the raw weights. */
const panelForm = (of: Float32Array, rows: number, columns: number): KeptForm => ({
  of,
  restore: panelsBack(rows, columns),
});
const paddedForm = (of: Float32Array, channels: number): KeptForm => ({ of, restore: cutBack(channels) });
const cutBack =
  (channels: number) =>
  (padded: Float32Array): Float32Array =>
    padded.slice(0, channels);

/** The inverse of `toPanels` for all columns. */
const panelsBack =
  (rows: number, columns: number) =>
  (panels: Float32Array): Float32Array => {
    const values = new Float32Array(rows * columns);
    let source = 0;
    for (let first = 0; first < columns; first += PANEL) {
      const width = Math.min(PANEL, columns - first);
      for (let row = 0; row < rows; row++) {
        const target = row * columns + first;
        for (let i = 0; i < width; i++) values[target + i] = panels[source + i]!;
        source += PANEL;
      }
    }
    return values;
  };

/** Columns `[from, to)` of `[rows, columns]` as `[panel][row][8]`, the last panel filled up with zeros. */
function toPanels(
  values: Float32Array,
  rows: number,
  columns: number,
  from: number,
  to: number,
): Float32Array {
  const panels = new Float32Array(Math.ceil((to - from) / PANEL) * rows * PANEL);
  let target = 0;
  for (let first = from; first < to; first += PANEL) {
    const width = Math.min(PANEL, to - first);
    for (let row = 0; row < rows; row++) {
      const source = row * columns + first;
      for (let i = 0; i < width; i++) panels[target + i] = values[source + i]!;
      target += PANEL;
    }
  }
  return panels;
}
