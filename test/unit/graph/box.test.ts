import { describe, expect, it } from 'vitest';
import {
  boxEquals,
  boxShape,
  boxSize,
  checkBox,
  contains,
  formatBox,
  fullBox,
  hull,
  intersect,
  isEmpty,
  isPartition,
  relativeTo,
  shapeSize,
  splitRange,
  subtract,
  type Box,
} from '../../../src/graph/box.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { randomBox } from '../../support/random-ops.ts';

/** The elements of a box, by name: what the arithmetic on boxes has to agree with. */
function elements(box: Box): Set<string> {
  let names = [''];
  for (const [start, end] of box) {
    names = names.flatMap((name) => {
      const longer: string[] = [];
      for (let i = start; i < end; i++) longer.push(`${name},${i}`);
      return longer;
    });
  }
  return new Set(names);
}

describe('boxes', () => {
  it('subtracted from each other leave what is outside, in parts that do not overlap', () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = seededRandom(seed);
      const shape = [4, 5, 3].slice(0, 1 + random.integer(3));
      const [box, cut] = [randomBox(random, shape, 0.1), randomBox(random, shape, 0.1)];
      const parts = subtract(box, cut);
      const inCut = elements(cut);
      const expected = [...elements(box)].filter((name) => !inCut.has(name));
      expect(parts.flatMap((part) => [...elements(part)]).sort(), `seed ${seed}`).toEqual(expected.sort());
    }
  });

  it('agree with sets of elements', () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = seededRandom(seed);
      const shape = [4, 5, 3].slice(0, 1 + random.integer(3));
      const a = randomBox(random, shape, 0.1);
      const b = randomBox(random, shape, 0.1);
      const inA = elements(a);
      const inB = elements(b);
      const both = [...inA].filter((name) => inB.has(name));
      const message = `seed ${seed}: ${formatBox(a)} ${formatBox(b)}`;
      expect(boxSize(a), message).toBe(inA.size);
      expect(isEmpty(a), message).toBe(inA.size === 0);
      expect([...elements(intersect(a, b))].sort(), message).toEqual(both.sort());
      expect(contains(a, b), message).toBe(both.length === inB.size);
      const around = hull(a, b);
      expect(contains(around, a) && contains(around, b), message).toBe(true);
      if (inA.size > 0 && inB.size > 0) {
        // No smaller box holds both: each side is touched.
        around.forEach(([start, end], axis) => {
          expect(Math.min(a[axis]![0], b[axis]![0]), message).toBe(start);
          expect(Math.max(a[axis]![1], b[axis]![1]), message).toBe(end);
        });
      }
    }
  });

  it('know their shapes', () => {
    const box: Box = [
      [2, 5],
      [1, 3],
    ];
    expect(boxShape(box)).toEqual([3, 2]);
    expect(relativeTo(box, [[1, 9], [1, 9]])).toEqual([[1, 4], [0, 2]]); // prettier-ignore
    expect(boxEquals(fullBox([5, 3]), [[0, 5], [0, 3]])).toBe(true); // prettier-ignore
    expect(boxEquals(box, [[2, 5]])).toBe(false);
    expect(shapeSize([])).toBe(1);
  });

  it.each([
    [[[0, 3]], 'rank'],
    [[[0, 3], [0, 5]], 'past the end'], // prettier-ignore
    [[[-1, 3], [0, 4]], 'before the start'], // prettier-ignore
    [[[2, 1], [0, 4]], 'reversed'], // prettier-ignore
    [[[0.5, 1], [0, 4]], 'not whole'], // prettier-ignore
    [[[0, NaN], [0, 4]], 'not a number'], // prettier-ignore
  ] as [Box, string][])('checkBox refuses %j: %s', (box) => {
    expect(() => checkBox(box, [3, 4], 'tile 1')).toThrow(/tile 1/);
  });

  it('checkBox lets empty and whole boxes pass', () => {
    checkBox([[3, 3], [0, 4]], [3, 4], 'empty'); // prettier-ignore
    checkBox(fullBox([3, 4]), [3, 4], 'whole');
  });

  it('isPartition wants every element once', () => {
    const whole: Box = [[0, 4], [0, 4]]; // prettier-ignore
    const top: Box = [[0, 2], [0, 4]]; // prettier-ignore
    const left: Box = [[2, 4], [0, 1]]; // prettier-ignore
    const right: Box = [[2, 4], [1, 4]]; // prettier-ignore
    const none: Box = [[1, 1], [0, 4]]; // prettier-ignore
    expect(isPartition(whole, [top, left, right, none])).toBe(true);
    expect(isPartition(whole, [top, left])).toBe(false);
    expect(isPartition(whole, [top, left, right, left])).toBe(false);
    // The sizes add up, but one element is there twice and one is missing.
    expect(isPartition(whole, [top, left, [[1, 3], [1, 4]]])).toBe(false); // prettier-ignore
    expect(isPartition(whole, [[[0, 5], [0, 4]]])).toBe(false); // prettier-ignore
    expect(isPartition(none, [])).toBe(true);
  });

  it('splitRange covers the extent in proportion', () => {
    expect(splitRange(10, [1, 1])).toEqual([[0, 5], [5, 10]]); // prettier-ignore
    expect(splitRange(10, [4, 1])).toEqual([[0, 8], [8, 10]]); // prettier-ignore
    const many = splitRange(3, [1, 1, 1, 1, 1, 1, 1]);
    expect(many[0]![0]).toBe(0);
    expect(many.at(-1)![1]).toBe(3);
    many.slice(1).forEach(([start], index) => expect(start).toBe(many[index]![1]));
  });
});
