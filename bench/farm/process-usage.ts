import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { COMPUTE_THREAD } from '../../headless/connection-processor.ts';
import { threadNamed } from '../cgroup.ts';

/** What a process has used so far; milliseconds of processor time, bytes of resident memory. */
export interface ProcessUsage {
  readonly computeMs: number;
  /** Of all other threads that there are; those that have ended take theirs with them. */
  readonly otherMs: number;
  readonly residentBytes: number;
  /** Since the start, or the last `resetPeak`. */
  readonly peakResidentBytes: number;
}

/** Of a process on Linux. Throws when there is none. */
export function usageOf(pid: number): ProcessUsage {
  const computing = threadNamed(pid, COMPUTE_THREAD);
  const usage = { computeMs: 0, otherMs: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    usage[thread === computing ? 'computeMs' : 'otherMs'] += ranMs(`/proc/${pid}/task/${thread}/schedstat`);
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    ...usage,
    residentBytes: statusBytes(status, 'VmRSS'),
    peakResidentBytes: statusBytes(status, 'VmHWM'),
  };
}

/** Peaks count from what is resident now. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** A line of `/proc/<pid>/status`, which counts in KiB; 0 where it is missing, as of a process that is ending. */
export const statusBytes = (status: string, field: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;

function ranMs(schedstat: string): number {
  try {
    return Number(readFileSync(schedstat, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    // The thread has ended just now.
    return 0;
  }
}
