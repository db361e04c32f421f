import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PeerceptronError } from '../src/shared/errors.ts';

/** The npm that started this program, or the one beside this Node, or the one that the system finds: a command and its first arguments. */
export function npmCommand(): readonly string[] {
  const { npm_execpath: started } = process.env;
  if (started?.endsWith('npm-cli.js')) return [process.execPath, started];
  if (started?.endsWith('npx-cli.js')) {
    return [process.execPath, started.replace('npx-cli.js', 'npm-cli.js')];
  }
  const bin = dirname(process.execPath);
  const beside = [join(bin, '../lib/node_modules/npm/bin/npm-cli.js'), join(bin, 'node_modules/npm/bin/npm-cli.js')].find(existsSync); // prettier-ignore
  if (beside) return [process.execPath, beside];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

export interface NpmResult {
  readonly code: number | null;
  /** Of both streams. */
  readonly output: string;
}

/** Settings of an npm that this program may have been started by, which must not reach the one that it starts. */
const OWN_SETTINGS = ['npm_config_package', 'npm_config_call', 'npm_config_global', 'npm_config_prefix', 'npm_config_local_prefix', 'NODE_ENV', 'npm_config_omit']; // prettier-ignore

/** @throws ENGINE_INSTALL where there is no npm. */
export function runNpm(
  [command, ...first]: readonly string[],
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<NpmResult> {
  const all: NodeJS.ProcessEnv = { ...process.env, ...env };
  for (const name of OWN_SETTINGS) delete all[name];
  return new Promise((resolve, reject) => {
    const child = spawn(command!, [...first, ...args], {
      cwd,
      env: all,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && command!.endsWith('.cmd'),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', (error) =>
      reject(
        new PeerceptronError(
          'ENGINE_INSTALL',
          `npm cannot be started (${error.message}): install npm, or put the package in place by hand (docs/engines.md)`,
          { cause: error },
        ),
      ),
    );
    child.once('close', (code) => resolve({ code, output }));
  });
}
