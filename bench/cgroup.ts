import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readOr, type Hierarchy } from '../headless/control-groups.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import { moveThread, openGroupHome, writeTo, type GroupHome } from './cgroup/home.ts';
import { processorMs } from './processor-time.ts';

/**
 * Shares of a processor for single threads of other processes on Linux. A device's compute and its transport must not share one
 * quota: a thread that computes would use it up, and a chunk would wait for the next period. The one thread that computes gets a
 * reservation of the deadline scheduler (constant bandwidth, whatever it has used too much it stands still for later); all others share a
 * quota of a control group, of version 1 or 2. Quotas alone would not do: a thread that goes from message to message, as one that computes
 * tiles does, has been seen to get up to four times its quota on Linux 6.18.
 */
export interface CpuGroups {
  /** The thread named `threadName` gets the share. */
  limit(options: LimitedProcess): CpuLimit;
  /**
   * The thread named `threadName`, whose program keeps to its share by itself, is left alone; all others together get the share. For
   * processes without such a thread, all of them.
   */
  limitOthers(options: Omit<LimitedProcess, 'others'>): CpuLimit;
  /** Every thread named `threadName` that is there gets the share for itself, by a quota; the others are left alone. */
  limitEach(options: Omit<LimitedProcess, 'others'>): void;
  /** A group for a program that joins it as it starts, and all that it starts in turn. Without a limit at first. */
  openTree(name: string): ProcessTree;
  /** The groups are gone. Does nothing the second time. */
  release(): void;
}

/** Of one process. What is to be quick, as loading a model, runs without it. */
export interface CpuLimit {
  /** As many cores from now on; `undefined`: about as fast as the machine is. */
  set(cores: number | undefined): void;
}

/** Processes that share one quota, whatever their threads do: a device, seen from outside. */
export interface ProcessTree extends CpuLimit {
  /** A process that writes its id here is in the group; see `joining`. */
  readonly joinFile: string;
  /** What all that is in the group now has taken of processors since it was started; milliseconds. */
  usedMs(): number;
}

export interface LimitedProcess {
  /** Of the groups; letters, digits and dashes. */
  readonly name: string;
  readonly pid: number;
  /** As in `/proc/<pid>/task/<tid>/comm`. */
  readonly threadName: string;
  /** This part of one core: 0.001 to 1; of several threads it may be more. */
  readonly cores: number;
  /**
   * All other threads together get as much; `free`: as they like. A thread that waits for messages under a quota answers in bursts, with pauses
   * that no device has.
   */
  readonly others: 'limited' | 'free';
}

/**
 * The smallest quota of Linux, with the period that goes with it: a quota is used up at full speed, then the thread stands still
 * to the end of the period, and a slow device does not do that. The shorter, the more like one.
 */
const QUOTA_US = 1_000;
const SHORTEST_PERIOD_US = 1_000;
/** Of processes whose threads hand work to each other all the time: with less they would stand still between any two of them. */
const TREE_QUOTA_US = 4_000;
/**
 * A reservation is kept to the end of its thread: Linux 6.18 never gives out again what a thread that sleeps is relieved of. A thread
 * without a limit has this much, which four peers can have of two processors.
 */
const FREE_CORES = 0.42;

/** @throws USAGE where this user or this system cannot limit threads, with the reason. */
export const openCpuGroups = (): CpuGroups => new Groups(openGroupHome('cpu'));

class Groups implements CpuGroups {
  readonly #home: GroupHome;

  constructor(home: GroupHome) {
    this.#home = home;
    // Whatever else this machine does takes from everybody's time, not from that of the devices that are played here.
    if (home.hierarchy.version === 1) writeTo(home.path, 'cpu.shares', '262144');
    else writeTo(home.path, 'cpu.weight', '10000');
  }

  limit({ name, pid, threadName, cores, others }: LimitedProcess): CpuLimit {
    const reserved = threadNamed(pid, threadName);
    if (reserved === undefined)
      throw new PeerceptronError('INTERNAL', `process ${pid} has no thread '${threadName}'`);
    const { hierarchy, path } = this.#home;
    const group = join(path, name);
    mkdirSync(group);
    if (hierarchy.version === 2) writeTo(group, 'cgroup.procs', String(pid));
    else for (const thread of readdirSync(`/proc/${pid}/task`)) moveThread(hierarchy, group, thread);
    // The reservation takes its thread out of what the quota is for.
    const set = (changed: number | undefined): void => {
      if (others === 'limited') setQuota(hierarchy, group, changed);
      setReservation(reserved, changed ?? FREE_CORES);
    };
    set(cores);
    return { set };
  }

  limitOthers({ name, pid, threadName, cores }: Omit<LimitedProcess, 'others'>): CpuLimit {
    const { hierarchy, path } = this.#home;
    const group = join(path, name);
    // It may be there: in version 2 with a limit of memory, and of a process that has ended.
    mkdirSync(group, { recursive: true });
    // Threads side by side with the group that they come from would be of another weight.
    const [apart, limited] = [join(group, 'apart'), join(group, 'limited')];
    for (const part of [apart, limited]) {
      mkdirSync(part, { recursive: true });
      if (hierarchy.version === 2) writeTo(part, 'cgroup.type', 'threaded');
    }
    if (hierarchy.version === 2) {
      writeTo(group, 'cgroup.subtree_control', '+cpu');
      writeTo(group, 'cgroup.procs', String(pid));
    }
    const sort = (): void => {
      const computing = threadNamed(pid, threadName);
      const moved = new Set<string>();
      // What a thread has started just before it was moved is where it was.
      for (let found = true; found;) {
        found = false;
        for (const thread of readdirSync(`/proc/${pid}/task`)) {
          if (moved.has(thread)) continue;
          moveThread(hierarchy, thread === computing ? apart : limited, thread);
          moved.add(thread);
          found = true;
        }
      }
    };
    const set = (changed: number | undefined): void => {
      // An engine may have gone on in another thread, which is where the one that started it is.
      sort();
      setQuota(hierarchy, limited, changed);
    };
    set(cores);
    return { set };
  }

  limitEach({ name, pid, threadName, cores }: Omit<LimitedProcess, 'others'>): void {
    const { hierarchy, path } = this.#home;
    const group = join(path, name);
    mkdirSync(group);
    if (hierarchy.version === 2) writeTo(group, 'cgroup.procs', String(pid));
    for (const thread of threadsNamed(pid, threadName)) {
      const own = join(group, `thread-${thread}`);
      mkdirSync(own);
      if (hierarchy.version === 2) {
        writeTo(own, 'cgroup.type', 'threaded');
        writeTo(group, 'cgroup.subtree_control', '+cpu');
      }
      moveThread(hierarchy, own, thread);
      setQuota(hierarchy, own, cores);
    }
  }

  openTree(name: string): ProcessTree {
    const { hierarchy, path } = this.#home;
    const group = join(path, name);
    mkdirSync(group);
    const joinFile = join(group, 'cgroup.procs');
    return {
      joinFile,
      set: (cores) => setQuota(hierarchy, group, cores, TREE_QUOTA_US),
      usedMs: () =>
        readOr(joinFile, '')
          .split('\n')
          .filter(Boolean)
          .reduce((sum, pid) => sum + processorMs(Number(pid)), 0),
    };
  }

  release(): void {
    this.#home.release();
  }
}

/** The one of that name that has been there longest; those that it has started bear its name, too. */
export const threadNamed = (pid: number, threadName: string): string | undefined =>
  threadsNamed(pid, threadName)[0];

/** All of that name. */
export function threadsNamed(pid: number, threadName: string): string[] {
  return readdirSync(`/proc/${pid}/task`)
    .filter((thread) => readOr(`/proc/${pid}/task/${thread}/comm`, '').trim() === threadName)
    .sort((a, b) => Number(a) - Number(b));
}

/**
 * Gives a thread a reservation, or another one.
 * @throws USAGE where the kernel refuses: all reservations together are at most 95 % of the processors.
 */
function setReservation(thread: string, cores: number): void {
  const periodNs = String(Math.round((QUOTA_US * 1000) / cores));
  const times = [
    '--sched-runtime',
    String(QUOTA_US * 1000),
    '--sched-deadline',
    periodNs,
    '--sched-period',
    periodNs,
  ];
  try {
    const args = ['--deadline', '--reset-on-fork', ...times, '--pid', '0', thread];
    execFileSync('chrt', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (cause) {
    throw new PeerceptronError(
      'USAGE',
      `limiting a thread needs chrt of util-linux, and processors that are not promised to others: ${String(cause)}`,
      { cause },
    );
  }
}

function setQuota(
  { version }: Hierarchy,
  group: string,
  cores: number | undefined,
  leastUs = QUOTA_US,
): void {
  const periodUs = cores === undefined ? 100_000 : Math.max(SHORTEST_PERIOD_US, Math.round(leastUs / cores));
  const quotaUs = cores === undefined ? undefined : Math.max(leastUs, Math.round(cores * periodUs));
  if (version === 2) {
    writeTo(group, 'cpu.max', `${quotaUs ?? 'max'} ${periodUs}`);
    return;
  }
  // Of quota and period only pairs that the kernel takes, also between two writes.
  writeTo(group, 'cpu.cfs_quota_us', '-1');
  writeTo(group, 'cpu.cfs_period_us', String(periodUs));
  if (quotaUs !== undefined) writeTo(group, 'cpu.cfs_quota_us', String(quotaUs));
}
