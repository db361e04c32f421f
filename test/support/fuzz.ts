import fc from 'fast-check';

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
