import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Controller = 'cpu' | 'memory';

export interface Hierarchy {
  readonly version: 1 | 2;
  /** Where the hierarchy with the controller is mounted. */
  readonly root: string;
}

/** From the text of `/proc/mounts`; of both versions the one that has the controller. */
export function findHierarchy(
  controller: Controller,
  mounts: string,
  controllersOf: (root: string) => string,
): Hierarchy | undefined {
  for (const line of mounts.split('\n')) {
    const [, root, type, options] = line.split(' ');
    if (!root) continue;
    if (type === 'cgroup' && options?.split(',').includes(controller)) return { version: 1, root };
    if (type === 'cgroup2' && controllersOf(root).split(/\s+/).includes(controller)) {
      return { version: 2, root };
    }
  }
  return undefined;
}

/**
 * The control groups with that controller that a process is in, its own and those above, from the texts of `/proc/<pid>/cgroup` and
 * `/proc/mounts`. Where a container sees only its own group, that is the one at the root.
 */
export function groupsOf(
  controller: Controller,
  memberships: string,
  mounts: string,
  controllersOf = (root: string): string => readOr(join(root, 'cgroup.controllers'), ''),
): readonly { readonly version: 1 | 2; readonly path: string }[] {
  const hierarchy = findHierarchy(controller, mounts, controllersOf);
  if (!hierarchy) return [];
  const { version, root } = hierarchy;
  for (const line of memberships.split('\n')) {
    const [, controllers = '', path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (version === 1 ? !controllers.split(',').includes(controller) : controllers !== '') continue;
    const names = path.split('/').filter((name) => name !== '');
    return [...names, ''].map((_, above) => ({
      version,
      path: join(root, ...names.slice(0, names.length - above)),
    }));
  }
  return [];
}

/** A file of the kernel's, which may be gone. */
export function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
