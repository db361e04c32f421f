import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readOr } from '../../headless/control-groups.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { openGroupHome, writeTo } from './home.ts';

/** Limits of memory for other processes on Linux, by control groups of version 1 or 2. */
export interface MemoryGroups {
  /** `name`: letters, digits and dashes. */
  open(name: string): MemoryGroup;
  /** The groups are gone. Does nothing the second time. */
  release(): void;
}

/** Of one process, which has to be in it from its beginning: what a process had before is not counted. */
export interface MemoryGroup {
  /** A process that writes its id here is in the group. */
  readonly joinFile: string;
  /**
   * From now on, file pages and swap included; `undefined`: no limit. A process that wants more is killed by the kernel.
   * @throws USAGE where more than that is in use and cannot be given back
   */
  set(limitBytes: number | undefined): void;
}

/** @throws USAGE where this user or this system cannot limit memory, with the reason. */
export function openMemoryGroups(): MemoryGroups {
  const home = openGroupHome('memory');
  return {
    open: (name) => {
      const path = join(home.path, name);
      mkdirSync(path, { recursive: true });
      const set = (limitBytes: number | undefined): void => {
        try {
          if (home.hierarchy.version === 1) setFirst(path, limitBytes);
          else setSecond(path, limitBytes);
        } catch (cause) {
          if (limitBytes === undefined) throw cause;
          throw new PeerceptronError(
            'USAGE',
            `'${name}' needs more than ${Math.round(limitBytes / 1e6)} MB already: give it more memory`,
            { cause },
          );
        }
      };
      return { joinFile: join(path, 'cgroup.procs'), set };
    },
    release: () => home.release(),
  };
}

/** Version 1. The limit with swap is never below that without. The kernel refuses what it cannot reclaim. */
function setFirst(group: string, limitBytes: number | undefined): void {
  const [plain, withSwap] = ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'];
  const hasSwap = existsSync(join(group, withSwap));
  if (hasSwap) writeTo(group, withSwap, '-1');
  writeTo(group, plain, String(limitBytes ?? -1));
  if (hasSwap && limitBytes !== undefined) writeTo(group, withSwap, String(limitBytes));
}

/** Version 2, which kills for what it cannot reclaim, and so is asked to reclaim first. */
function setSecond(group: string, limitBytes: number | undefined): void {
  if (limitBytes === undefined) {
    writeTo(group, 'memory.max', 'max');
    return;
  }
  writeTo(group, 'memory.high', String(limitBytes));
  const usedBytes = Number(readOr(join(group, 'memory.current'), '0'));
  writeTo(group, 'memory.high', 'max');
  if (usedBytes > limitBytes) throw new Error(`${usedBytes} bytes are in use`);
  if (existsSync(join(group, 'memory.swap.max'))) writeTo(group, 'memory.swap.max', '0');
  writeTo(group, 'memory.max', String(limitBytes));
}
