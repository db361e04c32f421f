import type { Box, Shape } from '../../src/graph/box.ts';
import type { Random } from '../../src/shared/random.ts';
import { between, pick } from './random.ts';

/** Of rank 0 to 5, at most a few thousand elements; never empty. */
export function randomShape(random: Random): number[] {
  const shape: number[] = [];
  const rank = random.integer(6);
  for (let size = 1; shape.length < rank;) {
    const extent = between(random, 1, Math.max(1, Math.min(40, Math.floor(4000 / size))));
    shape.push(extent);
    size *= extent;
  }
  return shape;
}

/** Any number of parts along each axis. */
export const randomGrid = (shape: Shape, random: Random): number[] =>
  shape.map((extent) => pick(random, [1, 1, between(random, 1, extent)]));

/** Not empty; often whole along an axis. */
export const randomBoxIn = (shape: Shape, random: Random): Box =>
  shape.map((extent) => {
    if (random.integer(3) === 0) return [0, extent] as const;
    const start = random.integer(extent);
    return [start, start + 1 + random.integer(extent - start)] as const;
  });
