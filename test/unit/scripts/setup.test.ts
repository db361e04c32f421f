import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findChromium } from '../../../scripts/setup/chromium.mjs';
import { fingerprint, isInstalled } from '../../../scripts/setup/inputs.mjs';
import { withLock } from '../../../scripts/setup/lock.mjs';
import { isNodeSupported, requireNode } from '../../../scripts/setup/node-version.mjs';
import { runChild } from '../../../scripts/test/run-child.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, content: string) => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), content);
};

describe('the Node.js version', () => {
  it.each([
    ['20.19.0', true],
    ['20.20.1', true],
    ['22.0.0', true],
    ['20.18.9', false],
    ['18.99.99', false],
  ])('%s is supported: %s', (version, expected) => {
    expect(isNodeSupported(version, '>=20.19.0')).toBe(expected);
  });

  it('is refused with a sentence that says what to install', () => {
    expect(() => requireNode('18.2.0', '>=20.19.0')).toThrow(
      /needs Node\.js 20\.19\.0 or newer, this is 18\.2\.0/,
    );
  });
});

describe('the fingerprint of the build inputs', () => {
  it('changes with a content, a name and a new file, and with nothing else', () => {
    write('src/a.ts', 'one');
    write('src/deep/b.ts', 'two');
    const before = fingerprint(folder, ['src', 'absent']);
    utimesSync(join(folder, 'src/a.ts'), 1, 1);
    expect(fingerprint(folder, ['src', 'absent'])).toBe(before);

    write('src/a.ts', 'One');
    const edited = fingerprint(folder, ['src']);
    expect(edited).not.toBe(before);
    write('src/c.ts', '');
    expect(fingerprint(folder, ['src'])).not.toBe(edited);
  });
});

describe('telling whether dependencies are installed', () => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const wanted = {
    '': { name: 'root' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true },
  };

  it('accepts what npm recorded, other platforms aside', () => {
    write('package-lock.json', lock(wanted));
    write('node_modules/.package-lock.json', lock({ 'node_modules/a': { version: '1.0.0' } }));
    expect(isInstalled(folder)).toBe(true);
  });

  it('notices a changed version, a missing package and a missing node_modules', () => {
    write('package-lock.json', lock(wanted));
    expect(isInstalled(folder)).toBe(false);
    write('node_modules/.package-lock.json', lock({ 'node_modules/a': { version: '1.0.1' } }));
    expect(isInstalled(folder)).toBe(false);
    write('node_modules/.package-lock.json', lock({}));
    expect(isInstalled(folder)).toBe(false);
  });
});

describe('the setup lock', () => {
  it('lets one in at a time', async () => {
    const path = join(folder, 'lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all([withLock(path, work), withLock(path, work), withLock(path, work)]);
    expect(most).toBe(1);
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  });

  it('takes over from a process that died', async () => {
    const dead = await new Promise<number>((resolve, reject) => {
      import('node:child_process').then(({ spawn }) => {
        const child = spawn(process.execPath, ['-e', '']);
        child.on('exit', () => resolve(child.pid!));
      }, reject);
    });
    write('lock', JSON.stringify({ pid: dead, host: hostname(), token: 'x' }));
    expect(await withLock(join(folder, 'lock'), async () => 'done')).toBe('done');
  });

  it('takes over a lock whose holder has long been silent', async () => {
    write('lock', JSON.stringify({ pid: process.pid, host: 'elsewhere', token: 'x' }));
    utimesSync(join(folder, 'lock'), 1, 1);
    expect(await withLock(join(folder, 'lock'), async () => 'done')).toBe('done');
  });

  it('is given up when the work fails', async () => {
    const path = join(folder, 'lock');
    await expect(withLock(path, () => Promise.reject(new Error('no space')))).rejects.toThrow('no space');
    expect(await withLock(path, async () => 'next')).toBe('next');
  });
});

describe('finding Chromium', () => {
  const executable = (path: string) => {
    write(path, '#!/bin/sh\n');
    chmodSync(join(folder, path), 0o755);
    return join(folder, path);
  };

  it('prefers the environment over PATH', () => {
    const named = executable('opt/my-chromium');
    executable('bin/chromium');
    expect(findChromium({ env: { CHROMIUM_PATH: named, PATH: join(folder, 'bin') }, platform: 'none' })).toBe(
      named,
    );
  });

  it('finds the usual names on PATH', () => {
    const onPath = executable('bin/google-chrome');
    expect(findChromium({ env: { PATH: join(folder, 'bin') }, platform: 'none' })).toBe(onPath);
    expect(findChromium({ env: { PATH: join(folder, 'empty') }, platform: 'none' })).toBeUndefined();
  });

  it('says so when the environment names something that cannot be run', () => {
    const env = { CHROMIUM_PATH: join(folder, 'gone') };
    expect(() => findChromium({ env, platform: 'none' })).toThrow(/CHROMIUM_PATH is set to/);
  });
});

describe('running a test runner', () => {
  const run = (script: string, timeoutMs: number) =>
    runChild([process.execPath, '-e', script], { cwd: folder, timeoutMs });

  it('reports the exit code', async () => {
    expect(await run('process.exit(3)', 60_000)).toEqual({ ended: 'exited', status: 3 });
  });

  it('ends one that hangs', async () => {
    expect(await run('setInterval(() => {}, 1000)', 200)).toEqual({ ended: 'timed-out' });
  });

  it('reports a program that is not there', async () => {
    const result = await runChild([join(folder, 'absent')], { cwd: folder, timeoutMs: 60_000 });
    expect(result.ended).toBe('crashed');
  });
});
