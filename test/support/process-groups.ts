import { readdirSync, readFileSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  /** As everybody on the machine can read them, joined by blanks. */
  readonly args: string;
}

/** All processes of a group, by /proc: Linux only. */
export function processesOfGroup(group: number): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The name of the program stands in parentheses, and may hold anything: state, parent and group follow the last one.
        const [state, , ofGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(ofGroup) !== group || state === 'Z') return [];
        return [{ pid: Number(name), args: argsOf(Number(name)) }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

export const argsOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
