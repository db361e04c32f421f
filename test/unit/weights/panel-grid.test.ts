import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxSize, fullBox, isPartition, splitRange, type Box, type Shape } from '../../../src/graph/box.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { panelCount, panelGrid, panelsOf, partRange } from '../../../src/weights/panel-grid.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';
import { randomBoxIn, randomGrid, randomShape } from '../../support/random-boxes.ts';

const vgg16Fc1: Shape = [7, 7, 512, 4096];

describe('the grid of panels', () => {
  it.each<[string, Shape, number[]]>([
    ["VGG16's fc1: units, channels, rows", vgg16Fc1, [7, 1, 12, 24]],
    ['the same, flattened: no panel row above 16 MiB', [25_088, 4096], [48, 24]],
    ['fc2', [4096, 4096], [12, 24]],
    ['a late convolution', [3, 3, 512, 512], [1, 1, 4, 24]],
    ['an early convolution', [3, 3, 64, 64], [1, 1, 1, 2]],
    ['a bias', [4096], [1]],
    ['a scalar', [], []],
  ])('%s', (_name, shape, grid) => {
    expect(panelGrid(shape)).toEqual(grid);
  });

  it('cuts where equal shares cut', () => {
    for (const extent of [24, 100, 1000, 4096, 487]) {
      for (const peers of [2, 3, 4, 6, 8, 12, 24]) {
        const edges = new Set(Array.from({ length: 24 }, (_, part) => partRange(extent, 24, part)[0]));
        for (const [start] of splitRange(extent, new Array<number>(peers).fill(1))) {
          expect(edges, `${extent} over ${peers}`).toContain(start);
        }
      }
    }
  });

  const parameters = runs(300);
  it(`panels partition a tensor, in file order, and those of a box are the ones that it meets (${describeRuns(parameters)})`, () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const random = seededRandom(seed);
        const shape = randomShape(random);
        const grid = randomGrid(shape, random);
        const all = [...panelsOf(shape, grid, fullBox(shape))];
        expect(
          isPartition(
            fullBox(shape),
            all.map(({ box }) => box),
          ),
        ).toBe(true);
        expect(all.map(({ index }) => index)).toEqual([...all.keys()]);
        expect(all).toHaveLength(panelCount(grid));
        const box: Box = randomBoxIn(shape, random);
        const met = all.filter((panel) =>
          panel.box.every(([start, end], axis) => start < box[axis]![1] && end > box[axis]![0]),
        );
        expect([...panelsOf(shape, grid, box)]).toEqual(met);
      }),
      parameters,
    );
  });

  it('an empty tensor has no panels', () => {
    expect([...panelsOf([0, 4], [1, 1], fullBox([0, 4]))]).toEqual([]);
    expect(boxSize(fullBox([0, 4]))).toBe(0);
  });
});
