import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { ConnectionProcessor } from '../src/runtime/measure-link.ts';
import { processorGroupQuota, readOr } from './control-groups.ts';

/** As threads of engines call themselves in `/proc/<pid>/task/<tid>/comm`. */
export const COMPUTE_THREAD = 'compute';

/** Of this process on Linux, which counts per thread; elsewhere nobody knows. */
export const connectionProcessor = (): ConnectionProcessor | undefined =>
  process.platform === 'linux' ? { usedMs, cores } : undefined;

function usedMs(): number {
  let sumMs = 0;
  for (const thread of readdirSync('/proc/self/task')) {
    const folder = `/proc/self/task/${thread}`;
    if (readOr(`${folder}/comm`, '').trim() === COMPUTE_THREAD) continue;
    // Nanoseconds; a thread may have ended just now.
    sumMs += (Number.parseInt(readOr(`${folder}/schedstat`, '0'), 10) || 0) / 1e6;
  }
  return sumMs;
}

/** As many as there are, or as the quota of its control groups allows. */
const cores = (): number => Math.min(availableParallelism(), processorGroupQuota() ?? Infinity);
