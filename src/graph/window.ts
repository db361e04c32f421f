import { PeerceptronError } from '../shared/errors.ts';
import { boxSize, fullBox, isEmpty, type Box, type Range, type Shape } from './box.ts';
import type { Cost, InputRegion, OpKind, Padding, WeightRegion } from './op.ts';

/** A window that slides over the spatial axes (all but the last) of a tensor. */
export interface SlidingWindow {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: readonly Padding[];
}

const noPadding: Padding = [0, 0];

export const emptyBox = (rank: number): Box => Array.from({ length: rank }, () => [0, 0] as const);
export const noPaddings = (rank: number): Padding[] => Array.from({ length: rank }, () => noPadding);

/** A box without padding around it; what most ops need of an input. */
export const plainRegion = (box: Box): InputRegion => ({ box, padding: noPaddings(box.length) });
export const emptyRegion = (rank: number): InputRegion => plainRegion(emptyBox(rank));

/** Elements from a window's first tap to behind its last one. */
export const windowSpan = (size: number, dilation: number): number => (size - 1) * dilation + 1;

export function shapeError(
  kind: OpKind,
  reason: string,
  details: Record<string, unknown> = {},
): PeerceptronError {
  return new PeerceptronError('GRAPH_SHAPE', `${kind}: ${reason}`, { details: { kind, ...details } });
}

/** Throws `GRAPH_SHAPE` unless the op got `count` inputs. */
export function checkInputCount(kind: OpKind, inputs: readonly Shape[], count: number): void {
  if (inputs.length !== count) {
    throw shapeError(kind, `takes ${count} input${count === 1 ? '' : 's'}, not ${inputs.length}`);
  }
}

/**
 * Spatial extents of the output: `⌊(n + before + after − span) / stride⌋ + 1` per axis.
 *
 * Throws `GRAPH_SHAPE` where no window fits, and where a window lies wholly in padding: a maximum over nothing has no
 * value, and no framework's `same` padding makes such a window.
 */
export function windowOutputShape(kind: OpKind, window: SlidingWindow, input: Shape): number[] {
  const spatialRank = window.size.length;
  if (input.length !== spatialRank + 1) {
    throw shapeError(
      kind,
      `a window over ${spatialRank} spatial axes needs an input of rank ${spatialRank + 1}, not ${input.length}`,
    );
  }
  return window.size.map((size, axis) => {
    const extent = input[axis]!;
    const [before, after] = window.padding[axis]!;
    const stride = window.strides[axis]!;
    const span = windowSpan(size, window.dilations[axis]!);
    const count = Math.floor((extent + before + after - span) / stride) + 1;
    if (count < 1) {
      throw shapeError(
        kind,
        `axis ${axis}: a window that spans ${span} does not fit ${extent} elements padded by ${before} and ${after}`,
        { axis },
      );
    }
    // Windows move one way, so the first and the last one tell.
    if (span <= before || (count - 1) * stride - before >= extent) {
      throw shapeError(
        kind,
        `axis ${axis}: a window that spans ${span} lies wholly in the padding ${before}, ${after} of ${extent} elements; use less padding`,
        { axis },
      );
    }
    return count;
  });
}

/** Receptive field of a range of outputs along one spatial axis: real elements, and the padding left over. */
export function windowRange(
  window: SlidingWindow,
  axis: number,
  extent: number,
  output: Range,
): { readonly range: Range; readonly padding: Padding } {
  const stride = window.strides[axis]!;
  const before = window.padding[axis]![0];
  const start = output[0] * stride - before;
  const end = (output[1] - 1) * stride - before + windowSpan(window.size[axis]!, window.dilations[axis]!);
  return {
    range: [Math.max(0, start), Math.min(extent, end)],
    padding: [Math.max(0, -start), Math.max(0, end - extent)],
  };
}

/** Receptive field of a non-empty output box whose input channels are `channels`. */
export function windowRegion(window: SlidingWindow, input: Shape, output: Box, channels: Range): InputRegion {
  const box: Range[] = [];
  const padding: Padding[] = [];
  for (let axis = 0; axis < window.size.length; axis++) {
    const field = windowRange(window, axis, input[axis]!, output[axis]!);
    box.push(field.range);
    padding.push(field.padding);
  }
  return { box: [...box, channels], padding: [...padding, noPadding] };
}

/** Cost from the regions: float32 bytes in and out, and the given multiply-accumulates. */
export function costOf(
  macs: number,
  inputs: readonly InputRegion[],
  weights: readonly WeightRegion[],
  output: Box,
): Cost {
  const size = (box: Box): number => (isEmpty(box) ? 0 : boxSize(box));
  let read = 0;
  for (const { box } of inputs) read += size(box);
  for (const { box } of weights) read += size(box);
  return { macs, bytesRead: 4 * read, bytesWritten: 4 * size(output) };
}

/** Box over all of `shape` but `range` along the last axis. */
export const withLastAxis = (shape: Shape, range: Range): Box => [...fullBox(shape.slice(0, -1)), range];
export const everyAxis = (shape: Shape): number[] => shape.map((_, axis) => axis);
