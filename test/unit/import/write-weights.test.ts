import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxSize, fullBox, isPartition } from '../../../src/graph/box.ts';
import { groupsOf } from '../../../src/import/write-weights.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { panelGrid, panelsOf } from '../../../src/weights/panel-grid.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';

describe('groups of panels that are converted together', () => {
  const parameters = runs(60);
  it(`partition the tensor, hold whole panels, and stay small (${describeRuns(parameters)})`, () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const random = seededRandom(seed);
        const leading = [[], [3, 3], [7, 7]][random.integer(3)]!;
        const shape = [...leading, 1 + random.integer(4000), 1 + random.integer(4000)];
        const grid = panelGrid(shape);
        const axes = [...shape.keys()];
        const order = random.integer(2) === 0 ? axes : [axes.at(-1)!, axes.at(-2)!, ...axes.slice(0, -2)];
        const groups = [...groupsOf(shape, grid, order)];
        expect(isPartition(fullBox(shape), groups)).toBe(true);
        for (const group of groups) {
          expect(boxSize(group) * 4).toBeLessThanOrEqual(40 * 1024 * 1024);
          const panels = [...panelsOf(shape, grid, group)];
          expect(panels.reduce((sum, { box }) => sum + boxSize(box), 0)).toBe(boxSize(group));
        }
      }),
      parameters,
    );
  });

  it('follow the order of the file: rows of a row-major one, units of one that has them outermost', () => {
    const shape = [7, 7, 512, 4096];
    const [byRows] = groupsOf(shape, panelGrid(shape));
    expect(byRows).toEqual([[0, 1], [0, 7], [0, 43], [0, 4096]]); // prettier-ignore
    const [byUnits] = groupsOf(shape, panelGrid(shape), [3, 2, 0, 1]);
    expect(byUnits).toEqual([[0, 7], [0, 7], [0, 512], [0, 171]]); // prettier-ignore
  });
});
