import fc from 'fast-check';

/** One generated case alone, by the seed that a failure named. */
const only = process.env['FUZZ_CASE'];

/**
 * Seeds of generated cases. They do not shrink (a smaller seed is not a smaller case); the failing one stands in the
 * message. `FUZZ_CASE=<that seed>` in the environment runs this case alone, `FUZZ_SEED` draws the cases of a whole run
 * anew, and `FUZZ_SCALE` multiplies their number.
 */
export const seeds = (): fc.Arbitrary<number> =>
  only === undefined ? fc.noShrink(fc.nat({ max: 0x7fff_ffff })) : fc.constant(Number(only));

export interface Runs {
  readonly numRuns: number;
  readonly seed: number;
}

/** Parameters for `fc.assert`: a fixed run seed, so that CI repeats itself, unless `FUZZ_SEED` asks for another. */
export function runs(count: number): Runs {
  const scale = Number(process.env['FUZZ_SCALE'] ?? 1);
  return {
    numRuns: only === undefined ? Math.ceil(count * scale) : 1,
    seed: Number(process.env['FUZZ_SEED'] ?? 20_190_109),
  };
}

/** For titles: how many cases, and how to get them again. */
export const describeRuns = ({ numRuns, seed }: Runs): string =>
  only === undefined ? `${numRuns} cases of FUZZ_SEED=${seed}` : `FUZZ_CASE=${only}`;
