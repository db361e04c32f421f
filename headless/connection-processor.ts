import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { ConnectionProcessor } from '../src/runtime/measure-link.ts';
import { groupsOf, readOr } from './control-groups.ts';

/** As threads of engines call themselves in `/proc/<pid>/task/<tid>/comm`. */
const COMPUTE_THREAD = 'compute';

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

/** As many as there are, or the lowest quota of the control groups that this process is in. */
function cores(): number {
  const quotas = groupsOf('cpu', readOr('/proc/self/cgroup', ''), readOr('/proc/mounts', '')).flatMap(
    ({ version, path }): number[] => {
      const [quota, period] =
        version === 2
          ? readOr(`${path}/cpu.max`, 'max').trim().split(' ')
          : [readOr(`${path}/cpu.cfs_quota_us`, '-1'), readOr(`${path}/cpu.cfs_period_us`, '100000')];
      const part = Number(quota) / Number(period);
      return part > 0 ? [part] : [];
    },
  );
  return Math.min(availableParallelism(), ...quotas);
}
