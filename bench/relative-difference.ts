import { compareOutputs } from '../src/runtime/whole-model.ts';

/** The largest difference between two outputs, over the largest value of what is expected. */
export function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  const { maxAbsDiff, maxAbs } = compareOutputs([actual], [expected]);
  return maxAbsDiff / maxAbs;
}
