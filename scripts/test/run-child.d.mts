import type { RunnerExit } from './tally.mjs';

export function runChild(
  command: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<RunnerExit>;
