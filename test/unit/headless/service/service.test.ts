import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServiceHost } from '../../../../headless/service/service-host.ts';
import {
  CONFIG_FILE,
  installService,
  LINK_FILE,
  removeService,
  serviceState,
  UNIT_FILE,
  unitOf,
} from '../../../../headless/service/service.ts';
import { serviceUnit, type UnitOptions } from '../../../../headless/service/unit.ts';
import { commandOf } from '../../../support/unit-command.ts';

const options: UnitOptions = {
  node: '/usr/bin/node',
  program: '/usr/lib/node_modules/peerceptron/dist/node/cli.js',
  linkFile: LINK_FILE,
  configFile: CONFIG_FILE,
  memoryMax: '80%',
  isProgramAtHome: false,
};
const install = {
  node: '/usr/bin/node',
  program: '/usr/lib/node_modules/peerceptron/dist/node/cli.js',
  link: 'http://host/#room.0123456789abcdefghjkmnpqrs',
  settings: { name: 'kitchen' },
  memoryMax: '512M',
};

/** A machine whose `systemctl` answers as told, and writes down what was done to it. */
function machine(changes: Partial<ServiceHost> = {}, answers: Readonly<Record<string, string>> = {}) {
  const files = new Map<string, { text: string; mode: number }>();
  const done: string[] = [];
  const host: ServiceHost = {
    isRoot: true,
    isBootedBySystemd: async () => true,
    run: async (program, args) => {
      done.push([program, ...args].join(' '));
      const answer = answers[args[0]!];
      return { code: answer?.startsWith('failed') ? 1 : 0, output: answer ?? '' };
    },
    write: async (path, text, mode) => {
      done.push(`write ${path}`);
      files.set(path, { text, mode });
    },
    remove: async (path) => {
      done.push(`remove ${path}`);
    },
    isReadableByAll: async () => true,
    ...changes,
  };
  return { host, files, done };
}

describe('the unit of the service', () => {
  const unit = serviceUnit(options);

  it('has its words split by systemd as they were meant, whatever is in them', () => {
    const odd = { ...options, program: '/opt/a "b" $HOME/100%/c\\d/cli.js', configFile: '/etc/x y.json' };
    const { command, environment } = commandOf(serviceUnit(odd), '/run/credentials/x');
    expect(command[0]).toBe('/usr/bin/node');
    expect(command).toContain(odd.program);
    expect(command.slice(-2)).toEqual(['--config', odd.configFile]);
    expect(command).toContain('/run/credentials/x/room-link');
    expect(environment).toMatchObject({ CREDENTIALS_DIRECTORY: '/run/credentials/x', MALLOC_ARENA_MAX: '2' });
  });

  it('comes back for ever, has no rights and a limit', () => {
    for (const line of [
      'Restart=always',
      'StartLimitIntervalSec=0',
      'DynamicUser=yes',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'ProtectHome=yes',
      'MemoryMax=80%',
      `LoadCredential=room-link:${LINK_FILE}`,
    ])
      expect(unit.split('\n')).toContain(line);
    expect(unit).not.toMatch(/MemoryDenyWriteExecute=yes|User=root/);
  });

  it('may look at home folders only where its program lies in one', () => {
    const at = (program: string): string => unitOf({ node: '/usr/bin/node', program, memoryMax: '1G' });
    expect(at('/home/pi/peerceptron/dist/node/cli.js')).toContain('ProtectHome=read-only');
    expect(at('/opt/home/peerceptron/dist/node/cli.js')).toContain('ProtectHome=yes');
  });

  it.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
    'is one that systemd accepts, and finds well protected (skipped where there is no systemd)',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'peerceptron-unit-'));
      try {
        const file = join(folder, 'peerceptron.service');
        writeFileSync(file, serviceUnit({ ...options, node: process.execPath }));
        const analyze = (...args: string[]): string =>
          execFileSync('systemd-analyze', [...args, file], { encoding: 'utf8', stdio: 'pipe' });
        expect(analyze('verify')).toBe('');
        // Out of 10, where nothing is; 9.6 is a service without any of it. In tenths.
        analyze('security', '--offline=true', '--no-pager', '--threshold=20');
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe('service install', () => {
  it('writes the link for root alone, settings and unit, and starts the service with the machine', async () => {
    const { host, files, done } = machine();
    await installService(host, install);
    expect(files.get(LINK_FILE)).toEqual({ text: `${install.link}\n`, mode: 0o600 });
    expect(JSON.parse(files.get(CONFIG_FILE)!.text)).toEqual({ name: 'kitchen' });
    expect(files.get(UNIT_FILE)!.text).toContain('MemoryMax=512M');
    for (const path of [CONFIG_FILE, UNIT_FILE]) expect(files.get(path)!.text).not.toContain('0123456789');
    expect(done.slice(-3)).toEqual([
      'systemctl daemon-reload',
      'systemctl enable peerceptron.service',
      'systemctl restart peerceptron.service',
    ]);
    expect(done.join('\n')).not.toContain('0123456789');
  });

  it.each<[string, Partial<ServiceHost>, RegExp]>([
    ['there is no systemd', { isBootedBySystemd: async () => false }, /systemd does not run this machine/],
    ['it is not root', { isRoot: false }, /sudo peerceptron service install/],
    ['its user could not read the program', { isReadableByAll: async () => false }, /cannot read/],
  ])('says what to do where %s, and writes nothing', async (_, changes, sentence) => {
    const { host, done } = machine(changes);
    await expect(installService(host, install)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringMatching(sentence) as string,
    });
    expect(done).toEqual([]);
  });

  it('refuses a program in the cache of npx, which npm empties', async () => {
    const { host, done } = machine();
    const program = '/var/npm/_npx/1f2e/node_modules/peerceptron/dist/node/cli.js';
    await expect(installService(host, { ...install, program })).rejects.toThrow(/npm install --global/);
    expect(done).toEqual([]);
  });

  it('says what systemctl says where that fails', async () => {
    const { host } = machine({}, { enable: 'failed: no space left on device' });
    await expect(installService(host, install)).rejects.toThrow(
      /"systemctl enable peerceptron.service" failed: .*no space/,
    );
  });
});

describe('service status', () => {
  it("is systemd's word", async () => {
    const { host } = machine({}, { show: 'LoadState=loaded\nActiveState=active\nMainPID=17\n' });
    expect(await serviceState(host)).toEqual({ LoadState: 'loaded', ActiveState: 'active', MainPID: '17' });
  });
});

describe('service remove', () => {
  it('stops the service first, and takes everything away', async () => {
    const { host, done } = machine({}, { show: 'LoadState=loaded\n' });
    await removeService(host);
    expect(done.slice(1)).toEqual([
      'systemctl disable --now peerceptron.service',
      'systemctl clean --what=cache peerceptron.service',
      `remove ${UNIT_FILE}`,
      'remove /etc/peerceptron',
      'systemctl daemon-reload',
    ]);
  });

  it('does nothing where there is none', async () => {
    const { host, done } = machine({}, { show: 'LoadState=not-found\n' });
    await expect(removeService(host)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(done.filter((step) => !step.includes(' show '))).toEqual([]);
  });
});
