import { expect } from 'vitest';

/** Asserts max |Δ| ≤ `tolerance` × max(1, max |expected|), and that there is something to compare. */
export function expectClose(
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
  what: string,
): void {
  expect(actual.length, `${what}: size`).toBe(expected.length);
  let largest = 1;
  let worst = 0;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    // Not `>`: a NaN must not pass.
    if (!(difference <= worst)) {
      worst = difference;
      at = i;
    }
  }
  expect(worst, `${what}: element ${at} is ${actual[at]}, expected ${expected[at]}`).toBeLessThanOrEqual(
    tolerance * largest,
  );
}

export function topClass(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}
