import fc from 'fast-check';
import type { Random } from '../../src/shared/random.ts';

/** Uniform integer in [low, high], both ends included. */
export const between = (random: Random, low: number, high: number): number =>
  low + random.integer(high - low + 1);

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.integer(values.length)]!;

export const chance = (random: Random, probability: number): boolean => random.next() < probability;

export function normals(random: Random, size: number, scale = 1): Float32Array {
  return Float32Array.from({ length: size }, () => random.normal() * scale);
}

/**
 * Seeds of generated cases. They do not shrink (a smaller seed is not a smaller case); the failing one stands in the
 * message, and `FUZZ_SEED` in the environment replays a whole run of fast-check.
 */
export const seeds = (): fc.Arbitrary<number> => fc.noShrink(fc.nat({ max: 0x7fff_ffff }));

/** Parameters for `fc.assert`: a fixed run seed, so that CI repeats itself, unless `FUZZ_SEED` asks for another. */
export function runs(count: number): { numRuns: number; seed: number } {
  const scale = Number(process.env['FUZZ_SCALE'] ?? 1);
  return { numRuns: Math.ceil(count * scale), seed: Number(process.env['FUZZ_SEED'] ?? 20_190_109) };
}
