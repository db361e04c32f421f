import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type ReadText = (path: string) => string | undefined;

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Where control groups are mounted: version 2 alone, or version 1 with one folder per controller. */
const HIERARCHIES = [
  { controller: '', mount: '/sys/fs/cgroup', file: 'memory.max' },
  // As systemd mounts it beside version 1.
  { controller: '', mount: '/sys/fs/cgroup/unified', file: 'memory.max' },
  { controller: 'memory', mount: '/sys/fs/cgroup/memory', file: 'memory.limit_in_bytes' },
] as const;

/**
 * The lowest limit of memory, in bytes, of this process's control group and all those around it; undefined without one, and on systems without
 * control groups. A container sees its own group as the root, under whatever name the system has for it.
 */
export function cgroupMemoryLimit(read: ReadText = readText): number | undefined {
  const groups = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined
      ? []
      : [{ controllers: controllers.split(','), path }];
  });
  const limits = HIERARCHIES.flatMap(({ controller, mount, file }) => {
    const group = groups.find(({ controllers }) => controllers.includes(controller));
    return [...foldersUp(group?.path ?? '/')].flatMap((folder) => limitOf(read(join(mount, folder, file))));
  });
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

function* foldersUp(path: string): Generator<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    yield folder;
    if (folder === '/') return;
  }
}

/** `max` is none, and so is version 1's largest number of pages. */
function limitOf(text: string | undefined): number[] {
  const bytes = Number.parseInt(text ?? '', 10);
  return bytes > 0 && bytes < 2 ** 60 ? [bytes] : [];
}
