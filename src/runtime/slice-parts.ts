import { boxSize, type Box } from '../graph/box.ts';

/**
 * Parts of a box of at most `maxElements` each (single elements aside), cut along the axes of `order` from the first on:
 * with the order in which a file stores its axes, each part is a stretch of the file, and the parts follow one another in it.
 */
export function* partsOf(box: Box, maxElements: number, order: readonly number[] = []): Generator<Box> {
  const axes = isOrderOf(order, box.length) ? order : [...box.keys()];
  yield* cut(box, 0);

  function* cut(whole: Box, place: number): Generator<Box> {
    const axis = axes[place];
    if (axis === undefined || boxSize(whole) <= maxElements) {
      yield whole;
      return;
    }
    const [start, end] = whole[axis]!;
    const perStep = boxSize(whole) / (end - start);
    const step = Math.max(1, Math.floor(maxElements / perStep));
    for (let from = start; from < end; from += step) {
      yield* cut(whole.with(axis, [from, Math.min(end, from + step)]), place + 1);
    }
  }
}

/** The order is advice from elsewhere: one that names other axes is none. */
const isOrderOf = (order: readonly number[], rank: number): boolean =>
  order.length === rank && order.every((axis) => axis < rank) && new Set(order).size === rank;

/** Whether the elements of `part` follow one another in a row-major buffer of `box`; the first one's place there, or −1. */
export function placeWithin(part: Box, box: Box): number {
  let place = 0;
  let stride = 1;
  let whole = true;
  for (let axis = box.length - 1; axis >= 0; axis--) {
    const extent = box[axis]![1] - box[axis]![0];
    const [start, end] = part[axis]!;
    if (!whole && end - start > 1) return -1;
    if (end - start < extent) whole = false;
    place += (start - box[axis]![0]) * stride;
    stride *= extent;
  }
  return place;
}
