export interface Tally {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}
export type RunnerExit =
  | { readonly ended: 'exited'; readonly status: number }
  | { readonly ended: 'timed-out' }
  | { readonly ended: 'crashed'; readonly reason: string };
export const emptyTally: Tally;
export function sum(tallies: readonly Tally[]): Tally;
export function finalLine(tally: Tally): string;
export function judge(runner: string, exit: RunnerExit, reported: Tally | undefined): Tally;
export function onlyAWorkerDied(
  exit: RunnerExit,
  reported: Tally | undefined,
  unhandled: readonly string[],
): boolean;
export function fromVitest(report: unknown): Tally;
export function fromBrowserSession(session: unknown, file: string): Tally;
