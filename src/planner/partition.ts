import { contains, formatBox, intersect, isEmpty, isPartition, type Box, type Range } from '../graph/box.ts';

/** Boxes left over after a subtraction beyond which a hole is no longer looked for. */
const MAX_REMAINDERS = 2000;

/**
 * Why `parts` do not cover `whole` exactly once, in words, or `undefined` when they do. `axes` names the axes of the
 * boxes; only those along which something is wrong are spoken of.
 */
export function partitionFault(
  whole: Box,
  parts: readonly Box[],
  axes: readonly string[],
): string | undefined {
  if (isPartition(whole, parts)) return undefined;
  for (const [index, part] of parts.entries()) {
    if (!contains(whole, part)) return `tile ${index} reaches outside, with ${formatBox(part)}`;
  }
  for (const [index, part] of parts.entries()) {
    for (const [other, later] of parts.entries()) {
      if (other <= index || isEmpty(part) || isEmpty(later)) continue;
      const twice = intersect(part, later);
      if (!isEmpty(twice)) {
        return `tiles ${index} and ${other} both make ${formatRegion(twice, whole, axes)}`;
      }
    }
  }
  const hole = firstHole(whole, parts);
  return hole ? `no tile makes ${formatRegion(hole, whole, axes)}` : 'a part of it is made by no tile';
}

/** `height 3:5, channel 0:2`: the axes along which the region is not the whole. */
export function formatRegion(region: Box, whole: Box, axes: readonly string[]): string {
  const partial = region.flatMap(([start, end], axis) =>
    start === whole[axis]![0] && end === whole[axis]![1] ? [] : [`${axes[axis]} ${start}:${end}`],
  );
  return partial.length > 0 ? partial.join(', ') : 'all of it';
}

function firstHole(whole: Box, parts: readonly Box[]): Box | undefined {
  let remainders: Box[] = [whole];
  for (const part of parts) {
    remainders = remainders.flatMap((box) => subtract(box, part));
    if (remainders.length > MAX_REMAINDERS) return undefined;
  }
  return remainders[0];
}

/** What is left of `box`, as disjoint boxes. */
function subtract(box: Box, taken: Box): Box[] {
  const common = intersect(box, taken);
  if (isEmpty(taken) || isEmpty(common)) return [box];
  const left: Box[] = [];
  let rest = box;
  for (const [axis, [start, end]] of common.entries()) {
    const [restStart, restEnd] = rest[axis]!;
    const along = (range: Range): Box => rest.map((known, i) => (i === axis ? range : known));
    if (restStart < start) left.push(along([restStart, start]));
    if (end < restEnd) left.push(along([end, restEnd]));
    rest = along([start, end]);
  }
  return left;
}
