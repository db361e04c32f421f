import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, fullBox, isEmpty, type Box } from '../../../src/graph/box.ts';
import { partitionFault } from '../../../src/planner/partition.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { randomPartition } from '../../support/random-ops.ts';
import { between, pick } from '../../support/random.ts';

const axes = ['height', 'width', 'channel'];

/** Solid boxes that tile the whole, cut along one axis after another. */
function randomTiling(random: Random, whole: Box): Box[] {
  let parts: Box[] = [whole];
  for (let round = 0; round < 3; round++) {
    const axis = random.integer(whole.length);
    parts = parts.flatMap((box) => {
      const [start, end] = box[axis]!;
      return randomPartition(random, end - start, between(random, 1, 3)).map(([from, to]) =>
        box.map((range, i) => (i === axis ? ([start + from, start + to] as const) : range)),
      );
    });
  }
  return parts.filter((box) => !isEmpty(box));
}

/** The region that a message speaks of, as a box. */
function spokenOf(message: string, whole: Box): Box {
  return whole.map((range, axis) => {
    const found = new RegExp(`${axes[axis]!} (\\d+):(\\d+)`).exec(message);
    return found ? [Number(found[1]), Number(found[2])] : range;
  });
}

describe('partitionFault', () => {
  it('finds nothing wrong with a tiling, and names a hole or an overlap that is really there', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const random = seededRandom(seed);
        const whole = fullBox(axes.map(() => between(random, 1, 9)));
        const parts = randomTiling(random, whole);
        expect(partitionFault(whole, parts, axes), `seed ${seed}`).toBeUndefined();

        const victim = pick(random, parts);
        const without = parts.filter((part) => part !== victim);
        const hole = partitionFault(whole, without, axes)!;
        expect(hole, `seed ${seed}`).toMatch(/^no tile makes /);
        // One box is missing, so what is named lies in it (a subtraction may leave it in several pieces).
        const named = spokenOf(hole, whole);
        expect(!isEmpty(named) && contains(victim, named), `seed ${seed}: ${hole}`).toBe(true);

        const twice = partitionFault(whole, [...parts, victim], axes)!;
        const first = parts.indexOf(victim);
        expect(twice, `seed ${seed}`).toContain(`tiles ${first} and ${parts.length} both make `);
        expect(spokenOf(twice, whole), `seed ${seed}: ${twice}`).toEqual(victim);
      }),
      runs(500),
    );
  });

  it('says which tile reaches outside', () => {
    const whole: Box = [
      [0, 4],
      [0, 4],
    ];
    expect(
      partitionFault(
        whole,
        [
          [
            [0, 4],
            [0, 2],
          ],
          [
            [0, 4],
            [2, 5],
          ],
        ],
        ['height', 'channel'],
      ),
    ).toBe('tile 1 reaches outside, with [0:4, 2:5]');
  });
});
