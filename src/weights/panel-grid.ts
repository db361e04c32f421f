import { boxShape, intersect, isEmpty, shapeSize, type Box, type Range, type Shape } from '../graph/box.ts';

/**
 * How a tensor is cut into panels: the number of parts along each axis. Part `k` of `n` along an axis is the range
 * `[round(extent · k / n), round(extent · (k + 1) / n))`: where `splitRange` cuts for equal shares, so that the halves,
 * thirds, quarters … of a tensor are whole panels.
 *
 * In a file the panels follow one another with the last axis (output units, channels) outermost, then the one before it
 * (input channels), then the leading axes in their order; inside a panel elements are row-major.
 */
export type PanelGrid = readonly number[];

/** One panel of a tensor. */
export interface Panel {
  /** Its place in the file, among the tensor's panels. */
  readonly index: number;
  /** In the coordinates of the tensor. */
  readonly box: Box;
}

/** Smaller panels than this make more requests and hashes than the bytes that they spare are worth. */
const PANEL_MIN_BYTES = 64 * 1024;
/** Runs of fewer units are not worth cutting for. */
const UNITS_MIN = 8;
/** Divisible by all small numbers of peers but 5 and 7. */
const UNIT_PARTS = [24, 12, 8, 6, 4, 3, 2];
const CHANNEL_PARTS = [12, 4, 2];
/** All panels of the same input channels: who converts a row-major file holds as much at a time. */
const PANEL_ROW_MAX_BYTES = 16 * 1024 * 1024;

/**
 * The grid in which a tensor of float32 is stored: output units (the last axis) in up to 24 parts, then input channels (the
 * axis before it) in up to 12, then the outermost axis of kernels with leading axes in single rows, so that row bands that
 * flow into a dense layer are whole panels; always as far as panels stay at 64 KiB or more. Very large tensors get more
 * parts of the input channels.
 */
export function panelGrid(shape: Shape): PanelGrid {
  const rank = shape.length;
  const grid = new Array<number>(rank).fill(1);
  if (rank < 2) return grid;
  let panelBytes = shapeSize(shape) * 4;
  const cut = (axis: number, candidates: readonly number[], minimumExtent: number): void => {
    const extent = shape[axis]!;
    const parts = candidates.find((n) => extent / n >= minimumExtent && panelBytes / n >= PANEL_MIN_BYTES);
    if (parts === undefined) return;
    grid[axis] = parts;
    panelBytes /= parts;
  };
  cut(rank - 1, UNIT_PARTS, UNITS_MIN);
  cut(rank - 2, CHANNEL_PARTS, 1);
  if (rank > 2) cut(0, [shape[0]!], 1);
  const channels = shape[rank - 2]!;
  const rowBytes = panelBytes * grid[rank - 1]! * grid[rank - 2]!;
  while (rowBytes / grid[rank - 2]! > PANEL_ROW_MAX_BYTES && grid[rank - 2]! * 2 <= channels)
    grid[rank - 2]! *= 2;
  return grid;
}

export const panelCount = (grid: PanelGrid): number => shapeSize(grid);

/** Axes in the order in which panels follow one another in a file, the slowest first. */
export function panelAxes(rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return rank < 2 ? axes : [rank - 1, rank - 2, ...axes.slice(0, -2)];
}

export const partRange = (extent: number, parts: number, part: number): Range => [
  Math.round((extent * part) / parts),
  Math.round((extent * (part + 1)) / parts),
];

/** The panels that hold elements of `box`, in file order; empty ones are left out. */
export function* panelsOf(shape: Shape, grid: PanelGrid, box: Box): Generator<Panel> {
  if (isEmpty(box)) return;
  const axes = panelAxes(shape.length);
  const parts = axes.map((axis) => partsTouched(shape[axis]!, grid[axis]!, box[axis]!));
  const counter = parts.map(([first]) => first);
  for (;;) {
    let index = 0;
    const panel = new Array<Range>(shape.length);
    for (const [place, axis] of axes.entries()) {
      index = index * grid[axis]! + counter[place]!;
      panel[axis] = partRange(shape[axis]!, grid[axis]!, counter[place]!);
    }
    if (!isEmpty(panel)) yield { index, box: panel };
    let place = axes.length - 1;
    for (; place >= 0; place--) {
      counter[place]! += 1;
      if (counter[place]! < parts[place]![1]) break;
      counter[place] = parts[place]![0];
    }
    if (place < 0) return;
  }
}

function partsTouched(extent: number, parts: number, [start, end]: Range): Range {
  let first = Math.min(parts - 1, Math.floor((start * parts) / extent));
  while (first > 0 && partRange(extent, parts, first)[0] > start) first -= 1;
  while (partRange(extent, parts, first)[1] <= start) first += 1;
  let last = first;
  while (partRange(extent, parts, last)[1] < end) last += 1;
  return [first, last + 1];
}

/**
 * Runs of a panel's elements that belong to `box`: `[place in the panel, place in the box, count]` in elements, in the
 * panel's order, of those in `[from, to)` of the panel.
 */
export function* runsInPanel(
  panel: Box,
  box: Box,
  from: number,
  to: number,
): Generator<readonly [inPanel: number, inBox: number, count: number]> {
  const region = intersect(panel, box);
  if (isEmpty(region)) return;
  const rank = region.length;
  const panelShape = boxShape(panel);
  const shape = boxShape(box);
  const extents = boxShape(region);
  // Axes that panel and box hold alike join the run of the axis before them.
  let inner = rank;
  let run = 1;
  while (inner > 0) {
    inner -= 1;
    run *= extents[inner]!;
    if (extents[inner]! !== panelShape[inner]! || extents[inner]! !== shape[inner]!) break;
  }
  const panelSteps = stepsOf(panelShape);
  const boxSteps = stepsOf(shape);
  let inPanel = 0;
  let inBox = 0;
  for (let axis = 0; axis < rank; axis++) {
    inPanel += (region[axis]![0] - panel[axis]![0]) * panelSteps[axis]!;
    inBox += (region[axis]![0] - box[axis]![0]) * boxSteps[axis]!;
  }
  const counter = new Array<number>(inner).fill(0);
  for (;;) {
    const start = Math.max(inPanel, from);
    const count = Math.min(inPanel + run, to) - start;
    if (count > 0) yield [start, inBox + start - inPanel, count];
    if (inPanel >= to) return;
    let axis = inner - 1;
    for (; axis >= 0; axis--) {
      counter[axis]! += 1;
      inPanel += panelSteps[axis]!;
      inBox += boxSteps[axis]!;
      if (counter[axis]! < extents[axis]!) break;
      inPanel -= extents[axis]! * panelSteps[axis]!;
      inBox -= extents[axis]! * boxSteps[axis]!;
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}

function stepsOf(shape: readonly number[]): number[] {
  const steps = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    steps[axis] = step;
    step *= shape[axis]!;
  }
  return steps;
}
