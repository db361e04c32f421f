import { readFileSync, writeFileSync } from 'node:fs';

/** Of this process; Linux only. */
export function residentBytes(field: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))![1];
  return Number(kilobytes) * 1024;
}

/** The kernel's high-water mark begins again at what is resident now. */
export const resetPeak = (): void => writeFileSync('/proc/self/clear_refs', '5');
