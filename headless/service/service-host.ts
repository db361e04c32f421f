import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Ran {
  /** Undefined where the program is missing, or was killed. */
  readonly code: number | undefined;
  readonly output: string;
}

/** The machine as far as a service is concerned. */
export interface ServiceHost {
  readonly isRoot: boolean;
  /** systemd runs this machine. */
  isBootedBySystemd(): Promise<boolean>;
  /** Runs a program and waits for it; `shows`: for the person who waits, on this terminal. */
  run(program: string, args: readonly string[], shows?: 'shows'): Promise<Ran>;
  /** With folders on the way, in place of what was there. */
  write(path: string, text: string, mode: number): Promise<void>;
  /** Does nothing where there is none. */
  remove(path: string): Promise<void>;
  /** Whether a user without any right may read it, and get there. */
  isReadableByAll(path: string): Promise<boolean>;
}

export const systemHost: ServiceHost = {
  isRoot: process.getuid?.() === 0,
  // As sd_booted(3) looks.
  isBootedBySystemd: () =>
    access('/run/systemd/system', constants.F_OK).then(
      () => true,
      () => false,
    ),
  run: (program, args, shows) =>
    new Promise((resolve) => {
      const child = spawn(program, args, {
        stdio: shows ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.once('error', (error) => resolve({ code: undefined, output: error.message }));
      child.once('close', (code) => resolve({ code: code ?? undefined, output }));
    }),
  async write(path, text, mode) {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    // A file that was there keeps its mode, and what is in it is safe only by that.
    await rm(path, { force: true });
    await writeFile(path, text, { mode, flag: 'wx' });
    await chmod(path, mode);
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  async isReadableByAll(path) {
    const OTHERS_READ = 0o004;
    const OTHERS_ENTER = 0o001;
    try {
      if (((await stat(path)).mode & OTHERS_READ) === 0) return false;
      for (let folder = dirname(path); ; folder = dirname(folder)) {
        if (((await stat(folder)).mode & OTHERS_ENTER) === 0) return false;
        if (folder === dirname(folder)) return true;
      }
    } catch {
      return false;
    }
  },
};
