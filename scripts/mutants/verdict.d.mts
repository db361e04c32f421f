import type { RunnerExit } from '../test/tally.mjs';

/** What `failures-reporter.mjs` writes. Errors are messages, each followed by those of its causes. */
export interface Report {
  readonly files: readonly {
    readonly file: string;
    /** Outside of its tests: a file that does not load. */
    readonly errors: readonly string[];
    readonly tests: readonly {
      readonly title: string;
      readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
      readonly errors: readonly string[];
    }[];
  }[];
  readonly unhandled: readonly string[];
}

export type Verdict =
  | { readonly verdict: 'caught'; readonly by: readonly { readonly file: string; readonly title: string }[] }
  | { readonly verdict: 'survived' }
  /** Neither: the defect is no valid program, or tests ran out of time. */
  | { readonly verdict: 'undecided'; readonly reason: string };

export function verdictOf(exit: RunnerExit, report: Report | undefined): Verdict;
