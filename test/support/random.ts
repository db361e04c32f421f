import type { Random } from '../../src/shared/random.ts';

/** Uniform integer in [low, high], both ends included. */
export const between = (random: Random, low: number, high: number): number =>
  low + random.integer(high - low + 1);

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.integer(values.length)]!;

export const chance = (random: Random, probability: number): boolean => random.next() < probability;

export function normals(random: Random, size: number, scale = 1): Float32Array {
  return Float32Array.from({ length: size }, () => random.normal() * scale);
}
