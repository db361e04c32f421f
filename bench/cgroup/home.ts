import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy, readOr, type Controller, type Hierarchy } from '../../headless/control-groups.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';

/** The control group of this process in one hierarchy, in which it makes others. */
export interface GroupHome {
  readonly hierarchy: Hierarchy;
  readonly path: string;
  /** All groups are gone, what lived in them is free of limits. Does nothing the second time. */
  release(): void;
}

const PREFIX = 'peerceptron-';
/** A group of a process that has just been killed is busy until the kernel is done with it. */
const BUSY_TRIES = 100;
const BUSY_PAUSE_MS = 20;

/**
 * Removes the groups of benchmarks that were killed, too. In version 2 both controllers share one home.
 * @throws USAGE where this user or this system cannot limit processes, with the reason.
 */
export function openGroupHome(controller: Controller): GroupHome {
  const hierarchy =
    process.platform === 'linux'
      ? findHierarchy(controller, readFileSync('/proc/mounts', 'utf8'), (root) =>
          readOr(join(root, 'cgroup.controllers'), ''),
        )
      : undefined;
  const what = controller === 'cpu' ? 'processors' : 'memory';
  if (!hierarchy) {
    throw new PeerceptronError(
      'USAGE',
      `limiting ${what} needs Linux with the ${controller} controller of control groups`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new PeerceptronError(
      'USAGE',
      `limiting ${what} needs root: run it with sudo, or in a container as root`,
    );
  }
  const path = join(hierarchy.root, `${PREFIX}${process.pid}`);
  try {
    for (const name of readdirSync(hierarchy.root)) {
      const owner = new RegExp(`^${PREFIX}(\\d+)$`).exec(name)?.[1];
      if (owner && !existsSync(`/proc/${owner}`)) removeGroup(hierarchy, join(hierarchy.root, name));
    }
    if (hierarchy.version === 2) writeTo(hierarchy.root, 'cgroup.subtree_control', `+${controller}`);
    mkdirSync(path, { recursive: true });
    if (hierarchy.version === 2) writeTo(path, 'cgroup.subtree_control', `+${controller}`);
  } catch (cause) {
    throw new PeerceptronError(
      'USAGE',
      `control groups at ${hierarchy.root} cannot be changed here: ${String(cause)}`,
      { cause },
    );
  }
  return {
    hierarchy,
    path,
    release: () => {
      if (existsSync(path)) removeGroup(hierarchy, path);
    },
  };
}

export const writeTo = (group: string, file: string, text: string): void =>
  writeFileSync(join(group, file), text);

/** Before a program and its arguments: makes it one of the group of that `cgroup.procs` from its beginning, with all that it starts. */
export const joining = (joinFile: string): readonly string[] => [
  'sh',
  '-c',
  'echo $$ > "$0" && exec "$@"',
  joinFile,
];

/** Puts one thread into a group of version 1 (`tasks`), or of version 2 (`cgroup.threads`). */
export function moveThread({ version }: Hierarchy, group: string, thread: string): void {
  const move = (): void => writeTo(group, version === 1 ? 'tasks' : 'cgroup.threads', thread);
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

/** What still lives in a group goes to the root, free of limits. */
function removeGroup(hierarchy: Hierarchy, group: string): void {
  const ids = (file: string): string[] => readOr(join(group, file), '').split('\n').filter(Boolean);
  if (hierarchy.version === 1) for (const id of ids('tasks')) moveThread(hierarchy, hierarchy.root, id);
  else {
    // Groups of threads have no such list: their processes are in that of the group above, and are moved as a whole.
    for (const id of ids('cgroup.procs')) {
      try {
        writeTo(hierarchy.root, 'cgroup.procs', id);
      } catch {
        // It has ended.
      }
    }
  }
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(hierarchy, join(group, entry.name));
  }
  for (let tries = 1; ; tries += 1) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries === BUSY_TRIES) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
    }
  }
}
