import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const recipe = (name: string): string => fileURLToPath(new URL(`../../../docs/pi/${name}`, import.meta.url));
const LINK = 'http://host:8080/#room.0123456789abcdefghjkmnpqrs';

/** A Pi of which root is whoever runs the test, and whose programs write down how they were called. */
let folder: string;
let boot: string;
const log = (): string[] => readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(0, -1);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-pi-'));
  boot = join(folder, 'boot');
  mkdirSync(boot);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'log'), '');
  const program = (name: string, script: string): void => {
    const path = join(folder, 'bin', name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  };
  program('id', 'echo 0');
  program('getconf', 'echo "${BITS:-64}"');
  program('npm', `echo "npm $*" >> ${folder}/log`);
  // The link is there while it is called, and readable by nobody else.
  program('peerceptron', `echo "peerceptron $* $(stat -c %a "$4") $(cat "$4")" >> ${folder}/log`);
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (env: Readonly<Record<string, string>> = {}) =>
  spawnSync('sh', [recipe('first-boot.sh')], {
    encoding: 'utf8',
    env: {
      PATH: [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
      PEERCEPTRON_BOOT: boot,
      TMPDIR: folder,
      ...env,
    },
  });

describe('docs/pi/first-boot.sh', () => {
  it('installs the program and the service, and leaves no link on the boot partition', () => {
    const file = join(boot, 'peerceptron-link.txt');
    writeFileSync(file, `${LINK}\n`);
    const { status, stderr } = run();
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(log()).toEqual([
      'npm install --global --no-audit --no-fund peerceptron',
      expect.stringMatching(
        /^peerceptron service install --url-file \S+ (?:--config \S+ )?600 http:\/\/host:8080\/#room\.0123456789abcdefghjkmnpqrs$/,
      ),
    ]);
    expect(existsSync(file)).toBe(false);
  });

  it('keeps the link where something fails, to be run again', () => {
    const file = join(boot, 'peerceptron-link.txt');
    writeFileSync(file, `${LINK}\n`);
    writeFileSync(join(folder, 'bin', 'peerceptron'), '#!/bin/sh\nexit 1\n');
    expect(run().status).not.toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(`${LINK}\n`);
  });

  it.skipIf(existsSync('/etc/peerceptron/room-link') || existsSync('/boot/peerceptron-link.txt'))(
    'says what is missing (skipped on a machine with a link of its own)',
    () => {
      expect(run()).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('peerceptron-link.txt') as string,
      });
      expect(run({ BITS: '32' }).stderr).toContain('64-bit edition');
      expect(log()).toEqual([]);
    },
  );
});

describe('docs/pi/user-data', () => {
  const text = readFileSync(recipe('user-data'), 'utf8');

  it('is a cloud-config that does the same', () => {
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    expect(text).not.toContain('\t');
    const commands = [...text.matchAll(/^ {2}- \[(.+)\]$/gm)].map(([, words]) =>
      words!.split(', ').map((word) => word.replaceAll("'", '')),
    );
    expect(commands.map(([program]) => program)).toEqual([
      'npm',
      'install',
      'install',
      'peerceptron',
      'shred',
    ]);
    expect(commands[0]).toContain('peerceptron');
    expect(commands[3]!.slice(0, 3)).toEqual(['peerceptron', 'service', 'install']);
    // What the service is given is what is destroyed afterwards.
    expect(commands[4]).toEqual(expect.arrayContaining([commands[3]!.at(-1), commands[2]!.at(-2)]));
  });
});
