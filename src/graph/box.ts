import { PeerceptronError } from '../shared/errors.ts';

/** Extents of a tensor, channels last, without a batch axis: `[h, w, c]`, `[d, h, w, c]`, `[n]`. */
export type Shape = readonly number[];
/** Half-open: `[start, end)`. */
export type Range = readonly [start: number, end: number];
/** One half-open range per axis of a tensor, in the coordinates of the whole tensor. */
export type Box = readonly Range[];

export const length = (range: Range): number => Math.max(0, range[1] - range[0]);

export function shapeSize(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

export const fullBox = (shape: Shape): Box => shape.map((extent) => [0, extent] as const);
export const boxShape = (box: Box): number[] => box.map(length);
export const boxSize = (box: Box): number => shapeSize(boxShape(box));
export const isEmpty = (box: Box): boolean => box.some((range) => range[1] <= range[0]);

export function boxEquals(a: Box, b: Box): boolean {
  return (
    a.length === b.length && a.every((range, axis) => range[0] === b[axis]![0] && range[1] === b[axis]![1])
  );
}

export function intersect(a: Box, b: Box): Box {
  return a.map((range, axis) => {
    const start = Math.max(range[0], b[axis]![0]);
    return [start, Math.max(start, Math.min(range[1], b[axis]![1]))] as const;
  });
}

/** The smallest box that holds both; an empty box adds nothing. */
export function hull(a: Box, b: Box): Box {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  return a.map((range, axis) => [Math.min(range[0], b[axis]![0]), Math.max(range[1], b[axis]![1])] as const);
}

/** What of `box` lies outside `cut`, in boxes that do not overlap. */
export function subtract(box: Box, cut: Box): Box[] {
  const common = intersect(box, cut);
  if (isEmpty(common)) return isEmpty(box) ? [] : [box];
  const parts: Box[] = [];
  let rest = box;
  for (const [axis, [start, end]] of common.entries()) {
    const at = (range: Range): Box => rest.map((whole, other) => (other === axis ? range : whole));
    const [first, last] = rest[axis]!;
    if (first < start) parts.push(at([first, start]));
    if (end < last) parts.push(at([end, last]));
    rest = at([start, end]);
  }
  return parts;
}

export function contains(outer: Box, inner: Box): boolean {
  if (isEmpty(inner)) return true;
  return inner.every((range, axis) => range[0] >= outer[axis]![0] && range[1] <= outer[axis]![1]);
}

/** `box` in the coordinates of `origin`'s corner. */
export function relativeTo(box: Box, origin: Box): Box {
  return box.map((range, axis) => [range[0] - origin[axis]![0], range[1] - origin[axis]![0]] as const);
}

export const formatBox = (box: Box): string => `[${box.map(([a, b]) => `${a}:${b}`).join(', ')}]`;
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Throws `BOX_INVALID` unless `box` has the rank of `shape`, whole ends, and lies inside it. */
export function checkBox(box: Box, shape: Shape, what: string): void {
  const legal =
    box.length === shape.length &&
    box.every(
      ([start, end], axis) =>
        Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= shape[axis]!,
    );
  if (!legal) {
    throw new PeerceptronError(
      'BOX_INVALID',
      `${what}: box ${formatBox(box)} does not fit a tensor of shape ${formatShape(shape)}`,
    );
  }
}

/**
 * Whether `parts` cover `whole` exactly once. Disjoint boxes inside `whole` whose sizes add up to it do; pairs are
 * compared because partitions have tens of parts, not thousands.
 */
export function isPartition(whole: Box, parts: readonly Box[]): boolean {
  const solid = parts.filter((part) => !isEmpty(part));
  let covered = 0;
  for (const [index, part] of solid.entries()) {
    if (!contains(whole, part)) return false;
    covered += boxSize(part);
    for (const other of solid.slice(index + 1)) if (!isEmpty(intersect(part, other))) return false;
  }
  return covered === (isEmpty(whole) ? 0 : boxSize(whole));
}

/** Splits `[0, extent)` into `shares.length` consecutive ranges proportional to the shares (some may be empty). */
export function splitRange(extent: number, shares: readonly number[]): Range[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  const ranges: Range[] = [];
  let sum = 0;
  let start = 0;
  for (const share of shares) {
    sum += share;
    const end = Math.round((extent * sum) / total);
    ranges.push([start, end]);
    start = end;
  }
  return ranges;
}
