import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = `${root}bin/peerceptron.mjs`;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves with the first whole JSON document on stdout. */
  firstJson(): Promise<unknown>;
  /** Resolves with the first line on stdout of which `pick` makes something. */
  line<T>(pick: (line: string) => T | undefined): Promise<T>;
  /** Resolves as soon as `pick` makes something of all lines on stdout so far. */
  lines<T>(pick: (lines: readonly string[]) => T | undefined): Promise<T>;
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

/**
 * The command line as a person starts it, from the repository's root. Ends with the test that started it. `command`: before the program,
 * which it becomes.
 */
export function startProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  command: readonly string[] = [],
): Program {
  const [first, ...rest] = [...command, process.execPath, bin, ...args];
  const child = spawn(first!, rest, {
    cwd: root,
    // No test reads or fills the cache of the person who runs it.
    env: { ...process.env, NO_COLOR: '1', PEERCEPTRON_CACHE: 'off', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watch of [...watchers]) watch();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let over = false;
  const finished = new Promise<Finished>((resolve) =>
    child.once('close', (code) => {
      over = true;
      resolve({ code, stdout, stderr });
      changed();
    }),
  );
  const watch = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const attempt = (): void => {
        const found = look();
        if (found !== undefined) {
          watchers.delete(attempt);
          resolve(found);
        } else if (over) {
          watchers.delete(attempt);
          reject(new Error(`peerceptron ${args.join(' ')} ended too early:\n${stdout}\n${stderr}`));
        }
      };
      watchers.add(attempt);
      attempt();
    });
  return {
    process: child,
    finished,
    firstJson: () => watch(() => parse(stdout)),
    line: (pick) =>
      watch(() => {
        for (const line of stdout.split('\n')) {
          const found = pick(line);
          if (found !== undefined) return found;
        }
        return undefined;
      }),
    lines: (pick) => watch(() => pick(stdout.split('\n').slice(0, -1))),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return finished;
    },
  };
}

export const runProgram = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> => startProgram(args, env).finished;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a process still exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
