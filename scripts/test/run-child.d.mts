import type { StdioOptions } from 'node:child_process';
import type { RunnerExit } from './tally.mjs';

export function runChild(
  command: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; timeoutMs: number; stdio?: StdioOptions },
): Promise<RunnerExit>;
