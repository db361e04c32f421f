import type { Plugin } from 'vite';

export interface Mutant {
  readonly id: string;
  /** What goes wrong, in words. */
  readonly breaks: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly TestName[];
}

/** Test files by the short names that mutants use. */
export type TestName =
  | 'assembly'
  | 'f16'
  | 'peer-trace'
  | 'pieces'
  | 'u8'
  | 'clock-offset'
  | 'copies'
  | 'engine'
  | 'exactness'
  | 'fold'
  | 'fusion'
  | 'kernels'
  | 'ops'
  | 'plans'
  | 'random-splits'
  | 'seeded'
  | 'splits'
  | 'tfjs'
  | 'adaptive'
  | 'compute-queue'
  | 'epochs'
  | 'frame-queue'
  | 'held-tiles'
  | 'leases'
  | 'tiles'
  | 'trace-summary'
  | 'transfers';
export const testFiles: Readonly<Record<TestName, string>>;
export function mutate(mutant: Mutant, source: string): string;
export function mutantPlugin(id: string | undefined): Plugin;
