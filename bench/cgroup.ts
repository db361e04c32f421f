import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PeerceptronError } from '../src/shared/errors.ts';

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
  /** The groups are gone. Does nothing the second time. */
  release(): void;
}

/** Of one process. What is to be quick, as loading a model, runs without it. */
export interface CpuLimit {
  /** As many cores from now on; `undefined`: about as fast as the machine is. */
  set(cores: number | undefined): void;
}

export interface LimitedProcess {
  /** Of the groups; letters, digits and dashes. */
  readonly name: string;
  readonly pid: number;
  /** As in `/proc/<pid>/task/<tid>/comm`. */
  readonly threadName: string;
  /** This part of one core: 0.001 to 1. */
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
/**
 * A reservation is kept to the end of its thread: Linux 6.18 never gives out again what a thread that sleeps is relieved of. A thread
 * without a limit has this much, which four peers can have of two processors.
 */
const FREE_CORES = 0.42;
const PREFIX = 'peerceptron-';

interface Hierarchy {
  readonly version: 1 | 2;
  /** Where the hierarchy with the `cpu` controller is mounted. */
  readonly root: string;
}

/** From the text of `/proc/mounts`; of both versions the one that has the `cpu` controller. */
export function findCpuHierarchy(
  mounts: string,
  controllersOf: (root: string) => string,
): Hierarchy | undefined {
  for (const line of mounts.split('\n')) {
    const [, root, type, options] = line.split(' ');
    if (!root) continue;
    if (type === 'cgroup' && options?.split(',').includes('cpu')) return { version: 1, root };
    if (type === 'cgroup2' && controllersOf(root).split(/\s+/).includes('cpu')) return { version: 2, root };
  }
  return undefined;
}

/** @throws USAGE where this user or this system cannot limit threads, with the reason. */
export function openCpuGroups(): CpuGroups {
  const hierarchy =
    process.platform === 'linux'
      ? findCpuHierarchy(readFileSync('/proc/mounts', 'utf8'), (root) =>
          readOr(join(root, 'cgroup.controllers'), ''),
        )
      : undefined;
  if (!hierarchy) {
    throw new PeerceptronError(
      'USAGE',
      'limiting processors needs Linux with the cpu controller of control groups',
    );
  }
  if (process.getuid?.() !== 0) {
    throw new PeerceptronError(
      'USAGE',
      'limiting processors needs root: run it with sudo, or in a container as root',
    );
  }
  for (const name of readdirSync(hierarchy.root)) {
    // What a benchmark that was killed has left behind.
    const owner = new RegExp(`^${PREFIX}(\\d+)$`).exec(name)?.[1];
    if (owner && !existsSync(`/proc/${owner}`)) removeGroup(hierarchy, join(hierarchy.root, name));
  }
  try {
    return new Groups(hierarchy, join(hierarchy.root, `${PREFIX}${process.pid}`));
  } catch (cause) {
    throw new PeerceptronError(
      'USAGE',
      `control groups at ${hierarchy.root} cannot be changed here: ${String(cause)}`,
      {
        cause,
      },
    );
  }
}

class Groups implements CpuGroups {
  readonly #hierarchy: Hierarchy;
  readonly #home: string;
  #open = true;

  constructor(hierarchy: Hierarchy, home: string) {
    this.#hierarchy = hierarchy;
    this.#home = home;
    if (hierarchy.version === 2) write(hierarchy.root, 'cgroup.subtree_control', '+cpu');
    mkdirSync(home);
    // Whatever else this machine does takes from everybody's time, not from that of the devices that are played here.
    if (hierarchy.version === 1) write(home, 'cpu.shares', '262144');
    else {
      write(home, 'cpu.weight', '10000');
      write(home, 'cgroup.subtree_control', '+cpu');
    }
  }

  limit({ name, pid, threadName, cores, others }: LimitedProcess): CpuLimit {
    const threads = readdirSync(`/proc/${pid}/task`);
    // Those that it has started bear its name too.
    const reserved = threads
      .filter((thread) => readOr(`/proc/${pid}/task/${thread}/comm`, '').trim() === threadName)
      .sort((a, b) => Number(a) - Number(b))[0];
    if (reserved === undefined)
      throw new PeerceptronError('INTERNAL', `process ${pid} has no thread '${threadName}'`);
    const group = join(this.#home, name);
    mkdirSync(group);
    if (this.#hierarchy.version === 2) write(group, 'cgroup.procs', String(pid));
    else for (const thread of threads) moveThread(group, thread);
    // The reservation takes its thread out of what the quota is for.
    const set = (changed: number | undefined): void => {
      if (others === 'limited') setQuota(this.#hierarchy, group, changed);
      setReservation(reserved, changed ?? FREE_CORES);
    };
    set(cores);
    return { set };
  }

  release(): void {
    if (!this.#open) return;
    this.#open = false;
    removeGroup(this.#hierarchy, this.#home);
  }
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

function setQuota({ version }: Hierarchy, group: string, cores: number | undefined): void {
  const periodUs = cores === undefined ? 100_000 : Math.round(QUOTA_US / cores);
  if (version === 2) {
    write(group, 'cpu.max', `${cores === undefined ? 'max' : QUOTA_US} ${periodUs}`);
    return;
  }
  // A quota never exceeds its period, not even between two writes.
  write(group, 'cpu.cfs_quota_us', '-1');
  write(group, 'cpu.cfs_period_us', String(periodUs));
  if (cores !== undefined) write(group, 'cpu.cfs_quota_us', String(QUOTA_US));
}

const write = (group: string, file: string, text: string): void => writeFileSync(join(group, file), text);

/** In the hierarchy of version 1. */
function moveThread(group: string, thread: string): void {
  const move = (): void => write(group, 'tasks', thread);
  const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
  try {
    try {
      move();
    } catch (error) {
      if (codeOf(error) !== 'EINVAL') throw error;
      // A real-time thread, which no quota would bind. libwebrtc starts some where root lets it; on devices it may not.
      execFileSync('chrt', ['--other', '--pid', '0', thread]);
      move();
    }
  } catch (error) {
    // A pool's thread may have ended meanwhile.
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Children first; what still lives in a group goes to the root, free of limits. */
function removeGroup(hierarchy: Hierarchy, group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(hierarchy, join(group, entry.name));
  }
  const ids = (file: string): string[] => readOr(join(group, file), '').split('\n').filter(Boolean);
  if (hierarchy.version === 1) for (const id of ids('tasks')) moveThread(hierarchy.root, id);
  else {
    for (const id of ids('cgroup.procs')) {
      try {
        write(hierarchy.root, 'cgroup.procs', id);
      } catch {
        // It has ended.
      }
    }
  }
  rmdirSync(group);
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
