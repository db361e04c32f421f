import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The processors that a process may run on, by number, from its `/proc/<pid>/status`. Linux only. */
export function allowedProcessors(status = readFileSync('/proc/self/status', 'utf8')): number[] {
  const list = /^Cpus_allowed_list:\s+([\d,-]+)$/m.exec(status)?.[1];
  if (list === undefined) return [];
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** One thread, of whatever process, runs on these processors. Linux only. */
export function keepThreadTo(processors: readonly number[], thread: string): void {
  execFileSync('taskset', ['--cpu-list', '--pid', processors.join(','), thread], { stdio: 'ignore' });
}

/** All threads of a process, or some, and all that they start from now on, run on these processors. Linux only. */
export function keepTo(
  processors: readonly number[],
  pid: number,
  threads: readonly string[] = readdirSync(`/proc/${pid}/task`),
): void {
  for (const thread of threads) {
    try {
      keepThreadTo(processors, thread);
    } catch (thrown) {
      // A pool's thread may have ended meanwhile.
      if (existsSync(`/proc/${pid}/task/${thread}`)) throw thrown;
    }
  }
}

/** Before a program and its arguments: it runs on that processor alone, with all that it starts. */
export const startOn = (processor: number): readonly string[] => ['taskset', '--cpu-list', String(processor)];
