import { randomUUID } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';

const heartbeatMs = 2000;
/** A holder that did not touch its lock for this long is gone, whatever its pid says (reboot, another container). */
const silenceMs = 20_000;
const pollMs = 150;

/**
 * Runs `work` while holding the lock file `path`, so that two commands started at once do not install or build over
 * each other. The lock of a process that died is taken over.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (pid: number) => void }} [options] `onWait` is told once that somebody else holds the lock.
 * @returns {Promise<T>}
 */
export async function withLock(path, work, options = {}) {
  const content = JSON.stringify({ pid: process.pid, host: hostname(), token: randomUUID() });
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!create(path, content)) {
    const holder = read(path);
    if (holder && isGone(holder)) removeStale(path, holder.content);
    else {
      if (holder && !told) options.onWait?.(holder.pid);
      told = true;
      await delay(pollMs);
    }
  }
  const heartbeat = setInterval(() => touch(path), heartbeatMs);
  const release = () => {
    if (read(path)?.content === content) rmSync(path, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.removeListener('exit', release);
    release();
  }
}

/** Fails when the file is there. The content is complete from the first moment, as others read it. */
function create(path, content) {
  const draft = `${path}.${process.pid}.${randomUUID()}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    // A file system without hard links (FAT, some network mounts).
    try {
      writeFileSync(path, content, { flag: 'wx' });
      return true;
    } catch (again) {
      if (again.code === 'EEXIST') return false;
      throw again;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function read(path) {
  try {
    const content = readFileSync(path, 'utf8');
    const silentMs = Date.now() - statSync(path).mtimeMs;
    try {
      const { pid, host } = JSON.parse(content);
      return { pid: Number(pid), host, content, silentMs };
    } catch {
      return { pid: 0, host: '', content, silentMs };
    }
  } catch {
    return undefined;
  }
}

function isGone(holder) {
  if (holder.silentMs > silenceMs) return true;
  if (holder.host !== hostname() || !holder.pid) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Of several that see the same stale lock, one wins the rename; whoever caught a fresh lock by mistake puts it back. */
function removeStale(path, staleContent) {
  const aside = `${path}.stale.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  try {
    if (readFileSync(aside, 'utf8') !== staleContent) linkSync(aside, path);
  } catch {
    // Somebody holds a newer lock: nothing to put back.
  } finally {
    rmSync(aside, { force: true });
  }
}

function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Released meanwhile.
  }
}
