import type { Shape } from '../graph/box.ts';

/** How people call the axes of a tensor; `channel` is always the last one, the units of a dense layer included. */
export type AxisName = 'depth' | 'height' | 'width' | 'length' | 'channel';

const spatialNames: readonly (readonly AxisName[])[] = [
  [],
  ['length'],
  ['height', 'width'],
  ['depth', 'height', 'width'],
];

/** The axes of a tensor of this rank by name: `[h, w, c]` is height, width, channel. Empty for ranks without names. */
export function axisNames(rank: number): readonly AxisName[] {
  const spatial = spatialNames[rank - 1];
  return spatial ? [...spatial, 'channel'] : [];
}

/** `height`, `channel`, …, or `axis 5` where people have no name for it. */
export const axisName = (rank: number, axis: number): string => axisNames(rank)[axis] ?? `axis ${axis}`;

/** Position of a named axis in a tensor, or `undefined` when the tensor has no such axis. */
export function axisOf(shape: Shape, name: AxisName): number | undefined {
  const axis = axisNames(shape.length).indexOf(name);
  return axis < 0 ? undefined : axis;
}
