import { describe, expect, it } from 'vitest';
import { nonNegativeLeastSquares } from '../../../src/planner/least-squares.ts';
import { seededRandom } from '../../../src/shared/random.ts';

describe('non-negative least squares', () => {
  it('recovers what the right-hand side was made of', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 50; round++) {
      const count = 1 + random.integer(8);
      const truth = Float64Array.from({ length: count }, () => (random.next() < 0.3 ? 0 : random.next()));
      // Columns of very different sizes, as counts of steps, multiplications and bytes are.
      const sizes = Float64Array.from({ length: count }, () => 10 ** random.integer(9));
      const rows = Array.from({ length: count + 10 }, () => sizes.map((size) => size * random.next()));
      const b = rows.map((row) => row.reduce((sum, value, i) => sum + (value * truth[i]!) / sizes[i]!, 0));
      const x = nonNegativeLeastSquares(rows, b);
      for (let i = 0; i < count; i++) expect(x[i]! * sizes[i]!).toBeCloseTo(truth[i]!, 4);
    }
  });

  it('gives no negative values: the best point that has none', () => {
    const random = seededRandom(2);
    for (let round = 0; round < 100; round++) {
      const rows = Array.from({ length: 6 }, () => Float64Array.from({ length: 3 }, () => random.next()));
      const b = rows.map(() => random.normal());
      const x = nonNegativeLeastSquares(rows, b);
      for (let i = 0; i < 3; i++) {
        expect(x[i]!).toBeGreaterThanOrEqual(0);
        let slope = 0;
        for (const [index, row] of rows.entries()) {
          slope += row[i]! * (row.reduce((sum, value, j) => sum + value * x[j]!, 0) - b[index]!);
        }
        // The optimum: level where x is free, rising where it is held at zero.
        if (x[i]! > 0) expect(Math.abs(slope)).toBeLessThan(1e-9);
        else expect(slope).toBeGreaterThan(-1e-9);
      }
    }
  });

  it('leaves columns alone that nothing depends on, and such as repeat others', () => {
    const rows = [1, 2, 3].map((value) => Float64Array.of(value, 0, value));
    const x = nonNegativeLeastSquares(rows, [2, 4, 6]);
    expect(x[1]).toBe(0);
    expect(x[0]! + x[2]!).toBeCloseTo(2, 6);
  });
});
