import { readOr } from '../headless/control-groups.ts';

/** Of `/proc`; the same on every Linux. */
const TICKS_PER_SECOND = 100;

/** What a process has taken so far of all processors, with threads that have ended; milliseconds, in steps of ten. 0 where it is gone. Linux only. */
export function processorMs(pid: number): number {
  const [, afterName = ''] = /\) (.*)$/s.exec(readOr(`/proc/${pid}/stat`, '')) ?? [];
  const fields = afterName.split(' ');
  // utime and stime, of proc(5).
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND || 0;
}
