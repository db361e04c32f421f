import { describe, expect, it } from 'vitest';
import { boxShape, boxSize, intersect, isEmpty, type Box } from '../../../src/graph/box.ts';
import { cropRegion, transferRegion } from '../../../src/graph/region-copy.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { randomBox } from '../../support/random-ops.ts';
import { normals } from '../../support/random.ts';
import { indices } from '../engine/naive.ts';

function offsetIn(box: Box, index: readonly number[]): number {
  const shape = boxShape(box);
  let offset = 0;
  for (const [axis, i] of index.entries()) offset = offset * shape[axis]! + i - box[axis]![0];
  return offset;
}

/** Element by element, from the definition. */
function naive(
  source: Float32Array,
  sourceBox: Box,
  target: Float32Array,
  targetBox: Box,
  region: Box,
  add: boolean,
) {
  if (isEmpty(region)) return;
  for (const index of indices(boxShape(region))) {
    const place = index.map((i, axis) => i + region[axis]![0]);
    const at = offsetIn(targetBox, place);
    target[at] = (add ? target[at]! : 0) + source[offsetIn(sourceBox, place)]!;
  }
}

describe('transferRegion', () => {
  for (const combine of ['copy', 'add'] as const) {
    it(`${combine}: any region of any box equals the element-wise loop`, () => {
      let moved = 0;
      for (let seed = 0; seed < 1500; seed++) {
        const random = seededRandom(seed);
        const shape = [5, 4, 3, 6].slice(0, 1 + random.integer(4));
        const sourceBox = randomBox(random, shape, 0);
        const targetBox = randomBox(random, shape, 0);
        const common = intersect(sourceBox, targetBox);
        const region = isEmpty(common)
          ? common
          : randomBox(random, boxShape(common), 0.02).map(
              ([start, end], axis) => [start + common[axis]![0], end + common[axis]![0]] as const,
            );
        const source = normals(random, boxSize(sourceBox));
        const actual = normals(random, boxSize(targetBox));
        const expected = actual.slice();
        naive(source, sourceBox, expected, targetBox, region, combine === 'add');
        transferRegion(source, sourceBox, actual, targetBox, region, combine);
        expect(actual, `seed ${seed}`).toEqual(expected);
        if (!isEmpty(region)) moved += 1;
      }
      expect(moved).toBeGreaterThan(300);
    });
  }

  it('moves scalars', () => {
    const target = Float32Array.of(5);
    transferRegion(Float32Array.of(2), [], target, [], [], 'add');
    expect(target[0]).toBe(7);
    transferRegion(Float32Array.of(2), [], target, [], []);
    expect(target[0]).toBe(2);
  });

  it('cropRegion gives a buffer of its own, empty for an empty region', () => {
    const source = Float32Array.of(1, 2, 3, 4);
    const box: Box = [[10, 14]];
    const crop = cropRegion(source, box, [[11, 13]]);
    expect([...crop]).toEqual([2, 3]);
    expect(crop.buffer).not.toBe(source.buffer);
    expect(cropRegion(source, box, [[11, 11]]).length).toBe(0);
  });
});
