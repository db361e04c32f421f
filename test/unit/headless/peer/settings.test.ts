import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addJoinCommand } from '../../../../headless/commands/join.ts';
import { applySettings, settingsOf } from '../../../../headless/peer/settings.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'peerceptron-settings-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** `join` with its real flags, up to where it would begin. */
async function settle(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  config?: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const program = new Command().exitOverride();
  addJoinCommand(program);
  const [command] = program.commands as [Command];
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  command.action(() => undefined);
  const file = join(folder, 'peer.json');
  if (config !== undefined) writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  const given = config === undefined ? [] : ['--config', file];
  await program.parseAsync(['join', ...given, ...args], { from: 'user' });
  await applySettings(command, environment);
  return command.opts();
}

describe('settings of join', () => {
  it('come from flags before the environment, from that before the file, and else are the defaults', async () => {
    const config = { name: 'from file', share: '10%', memory: '1GB', engine: 'cpu' };
    const environment = { PEERCEPTRON_NAME: 'from environment', PEERCEPTRON_SHARE: '20%' };
    expect(await settle(['--name', 'from flag'], environment, config)).toMatchObject({
      name: 'from flag',
      share: 0.2,
      memory: 1e9,
      engine: 'cpu',
      profile: 'cached',
      retry: true,
    });
  });

  it('may name the file in the environment', async () => {
    const file = join(folder, 'elsewhere.json');
    writeFileSync(file, '{"log-level": "debug", "metrics-port": 0}');
    expect(await settle([], { PEERCEPTRON_CONFIG: file })).toMatchObject({
      logLevel: 'debug',
      metricsPort: 0,
    });
  });

  it('may be several, and the cache may be off', async () => {
    const origins = ['https://a.example', 'https://b.example'];
    expect(await settle([], {}, { 'allow-origin': origins, cache: false })).toMatchObject({
      allowOrigin: origins,
      cache: false,
    });
    expect(await settle([], { PEERCEPTRON_ALLOW_ORIGIN: origins.join(' ') })).toMatchObject({
      allowOrigin: origins,
    });
  });

  it('are parsed as the flag is, wherever they come from', async () => {
    const refused = { code: 'USAGE' };
    await expect(settle([], {}, { share: '25' })).rejects.toMatchObject(refused);
    await expect(settle([], {}, { engine: 'steam' })).rejects.toMatchObject(refused);
    await expect(settle([], {}, { name: { first: 'a' } })).rejects.toMatchObject(refused);
    await expect(settle([], { PEERCEPTRON_METRICS_PORT: '-1' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('PEERCEPTRON_METRICS_PORT') as string,
    });
  });

  it('that are none are refused, with those that there are', async () => {
    await expect(settle([], {}, { nmae: 'x' })).rejects.toThrow(/"nmae" is no setting; there are .*name/);
    await expect(settle([], {}, { config: 'x' })).rejects.toThrow(/no setting/);
    await expect(settle([], {}, '{')).rejects.toThrow(/no JSON/);
    await expect(settle([], {}, '[]')).rejects.toThrow(/expected an object/);
    await expect(settle(['--config', join(folder, 'missing')])).rejects.toThrow(/cannot be read/);
  });

  it('do not hold the link, which is a secret: a file of its own does', async () => {
    await expect(settle([], {}, { url: 'http://host/#room.secret' })).rejects.toThrow(/url-file/);
  });
});

describe('docs/raspberry-pi.md', () => {
  it('has every setting in its table, with flag, environment and key', () => {
    const page = readFileSync(new URL('../../../../docs/raspberry-pi.md', import.meta.url), 'utf8');
    const program = new Command();
    addJoinCommand(program);
    const rows = page.split('\n').filter((line) => line.startsWith('| `--'));
    const documented = rows.map((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
    for (const { long, envVar } of settingsOf(program.commands[0]!)) {
      const row = documented.find(([flag]) => flag!.split(' ')[0] === long);
      expect(row, `${long} is missing`).toBeDefined();
      expect(row![1]).toBe(envVar);
      if (long !== '--config') expect(row![2]).toBe(long!.slice(2));
    }
    expect(rows).toHaveLength(settingsOf(program.commands[0]!).length);
  });
});
