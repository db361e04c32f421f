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

/** A file of the kernel's; undefined where it is not there. */
export type ReadText = (path: string) => string | undefined;

export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** A file of the kernel's, which may be gone. */
export const readOr = (file: string, otherwise: string): string => readText(file) ?? otherwise;

/**
 * The control groups with that controller that this process is in, its own first and then those around it. A container sees its own group
 * as the root, under whatever name the system has for it. None on systems without control groups.
 */
export function groupsOf(
  controller: Controller,
  read: ReadText = readText,
): readonly { readonly version: 1 | 2; readonly path: string }[] {
  const hierarchy = findHierarchy(
    controller,
    read('/proc/mounts') ?? '',
    (root) => read(join(root, 'cgroup.controllers')) ?? '',
  );
  if (!hierarchy) return [];
  const { version, root } = hierarchy;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
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

/** The lowest limit of memory, in bytes, of those groups; undefined without one. */
export function memoryGroupLimit(read: ReadText = readText): number | undefined {
  const limits = groupsOf('memory', read).flatMap(({ version, path }) =>
    limitOf(read(join(path, version === 2 ? 'memory.max' : 'memory.limit_in_bytes'))),
  );
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** `max` is none, and so is version 1's largest number of pages. */
function limitOf(text: string | undefined): number[] {
  const bytes = Number.parseInt(text ?? '', 10);
  return bytes > 0 && bytes < 2 ** 60 ? [bytes] : [];
}

/** The lowest quota of processor time of those groups, in processors; undefined without one. */
export function processorGroupQuota(read: ReadText = readText): number | undefined {
  const quotas = groupsOf('cpu', read).flatMap(({ version, path }): number[] => {
    const [quota, period] =
      version === 2
        ? (read(join(path, 'cpu.max')) ?? 'max').trim().split(' ')
        : [read(join(path, 'cpu.cfs_quota_us')), read(join(path, 'cpu.cfs_period_us'))];
    const processors = Number(quota) / Number(period);
    return processors > 0 ? [processors] : [];
  });
  return quotas.length > 0 ? Math.min(...quotas) : undefined;
}
