import { mkdir, readFile, readlink, rm } from 'node:fs/promises';
import { hostname, platform } from 'node:os';
import { join } from 'node:path';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';
import { usage } from '../terminal.ts';

/** Chromium's own: a symbolic link to `host-pid`, and what leads to that process. */
const LOCKS = ['SingletonLock', 'SingletonCookie', 'SingletonSocket'];

/**
 * Gets a folder ready to be a Chromium's profile, for this user alone: history and storage hold the room's link. A lock that a crash or
 * another host name has left is taken away, which Chromium would ask about.
 * @throws USAGE where another browser runs with it; OUTPUT_UNWRITABLE
 */
export async function prepareProfile(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { message } = toPeerceptronError(cause);
    throw new PeerceptronError('OUTPUT_UNWRITABLE', `--profile ${path} cannot be made: ${message}`, {
      cause,
    });
  }
  const holder = await readlink(join(path, LOCKS[0]!)).catch(() => undefined);
  if (holder === undefined) return;
  const dash = holder.lastIndexOf('-');
  const pid = Number(holder.slice(dash + 1));
  if (holder.slice(0, dash) === hostname() && (await isBrowser(pid, path))) {
    throw usage(
      `--profile ${path} is in use by a browser (process ${pid}): end that one, or name another folder`,
    );
  }
  await Promise.all(LOCKS.map((name) => rm(join(path, name), { force: true })));
}

/** Whether the process is there and runs with that profile: after a power cut the number may be anybody's. */
async function isBrowser(pid: number, profile: string): Promise<boolean> {
  if (platform() === 'linux') {
    const args = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return args.split('\0').includes(`--user-data-dir=${profile}`);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
