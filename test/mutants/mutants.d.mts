import type { Mutant } from './mutate.mjs';

export const mutants: readonly Mutant[];
