import { describe, expect, it } from 'vitest';
import { boxSize, type Box } from '../../../src/graph/box.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import type { Piece } from '../../../src/planner/compiled-plan.ts';
import { BoxAssembly, regionOf } from '../../../src/runtime/assembly.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { randomBox } from '../../support/random-ops.ts';

const piece = (region: Box, combine: Piece['combine']): Piece => ({ segment: 0, tile: 0, region, combine });
const counting = (box: Box): Float32Array => Float32Array.from({ length: boxSize(box) }, (_, i) => i + 1);

describe('BoxAssembly', () => {
  it('copies bands and columns into place, in any order of arrival', () => {
    const box: Box = [
      [2, 6],
      [0, 3],
    ];
    const whole = counting(box);
    const regions: Box[] = [
      [
        [2, 3],
        [0, 3],
      ],
      [
        [3, 6],
        [0, 1],
      ],
      [
        [3, 6],
        [1, 3],
      ],
    ];
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
    ]) {
      const assembly = new BoxAssembly(
        box,
        regions.map((region) => piece(region, 'copy')),
      );
      for (const index of order) {
        expect(assembly.complete).toBe(false);
        assembly.target(index).set(cropRegion(whole, box, regions[index]!));
        assembly.arrived(index);
      }
      expect(assembly.complete).toBe(true);
      expect([...assembly.buffer]).toEqual([...whole]);
    }
  });

  it('adds partial sums in list order, so that the result does not depend on who is faster', () => {
    const box: Box = [[0, 1]];
    // In float32, (1e8 + 1) − 1e8 = 0, and (1e8 − 1e8) + 1 = 1.
    const values = [1e8, 1, -1e8];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const assembly = new BoxAssembly(
        box,
        values.map(() => piece(box, 'add')),
      );
      for (const index of order) {
        assembly.target(index)[0] = values[index]!;
        assembly.arrived(index);
      }
      expect([...assembly.buffer]).toEqual([0]);
    }
  });

  it('refuses a piece that comes twice', () => {
    const box: Box = [[0, 2]];
    const assembly = new BoxAssembly(box, [piece(box, 'copy')]);
    assembly.target(0);
    expect(() => assembly.target(0)).toThrowError(expect.objectContaining({ code: 'PROTOCOL_ORDER' }));
    assembly.arrived(0);
    expect(() => assembly.target(0)).toThrowError(expect.objectContaining({ code: 'PROTOCOL_ORDER' }));
  });
});

describe('regionOf', () => {
  it('equals a crop for 2,000 random boxes, and copies only where it must', () => {
    const random = seededRandom(7);
    let views = 0;
    for (let round = 0; round < 2000; round++) {
      const box = randomBox(random, [5, 4, 3], 0);
      const buffer = counting(box);
      const inner = randomBox(
        random,
        box.map(([start, end]) => end - start),
        0,
      );
      const region = inner.map(([start, end], axis) => [start + box[axis]![0], end + box[axis]![0]] as const);
      const taken = regionOf(buffer, box, region);
      expect([...taken], `round ${round}`).toEqual([...cropRegion(buffer, box, region)]);
      if (taken.buffer === buffer.buffer) views += 1;
    }
    expect(views).toBeGreaterThan(200);
  });
});
