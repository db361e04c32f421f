import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installNativePackage, NATIVE_VERSION } from '../../../headless/engine-package.ts';

let folder: string;
const npmBefore = process.env.npm_execpath;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-install-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  if (npmBefore === undefined) delete process.env.npm_execpath;
  else process.env.npm_execpath = npmBefore;
});

/** In the place of npm: a program that runs `code` and keeps how it was called. */
function fakeNpm(code: string): void {
  const file = join(folder, 'npm-cli.js');
  writeFileSync(
    file,
    `const fs = require('node:fs');
     const { ONNXRUNTIME_NODE_INSTALL, npm_config_global } = process.env;
     fs.writeFileSync(${JSON.stringify(join(folder, 'call.json'))}, JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), ONNXRUNTIME_NODE_INSTALL, npm_config_global }));
     ${code}`,
  );
  process.env.npm_execpath = file;
}

const libraries = 'node_modules/onnxruntime-node/bin/napi-v6';
const putsLibraries = (...platforms: readonly string[]): string =>
  `for (const platform of ${JSON.stringify(platforms)}) fs.mkdirSync(${JSON.stringify(`${libraries}/`)} + platform, { recursive: true });`;

describe('installing the native engine', () => {
  it('skips what its script would download, and keeps the library of this platform alone', async () => {
    fakeNpm(putsLibraries('linux/arm64', 'linux/x64', 'darwin/arm64', 'win32/x64'));
    process.env.npm_config_global = 'true';
    const home = join(folder, 'engines');
    try {
      const installed = await installNativePackage({ folder: home, platform: 'linux-arm64' });
      expect(installed).toBe(join(home, 'node_modules/onnxruntime-node'));
    } finally {
      delete process.env.npm_config_global;
    }
    const call = JSON.parse(readFileSync(join(folder, 'call.json'), 'utf8')) as Record<string, unknown>;
    expect(call).toMatchObject({ cwd: home, ONNXRUNTIME_NODE_INSTALL: 'skip' });
    expect(call).not.toHaveProperty('npm_config_global');
    expect(call.args).toEqual(expect.arrayContaining(['install', '--ignore-scripts', `onnxruntime-node@${NATIVE_VERSION}`])); // prettier-ignore
    const there = (path: string): boolean => existsSync(join(home, libraries, path));
    expect(['linux/arm64', 'linux/x64', 'darwin', 'win32'].map(there)).toEqual([true, false, false, false]);
  });

  it('says that a platform has no library, before anything is downloaded', async () => {
    fakeNpm('');
    await expect(installNativePackage({ folder, platform: 'linux-arm' })).rejects.toMatchObject({
      code: 'ENGINE_INSTALL',
      message: expect.stringMatching(/linux-arm,.*64-bit/) as string,
    });
    expect(existsSync(join(folder, 'call.json'))).toBe(false);
  });

  it('passes on what npm says', async () => {
    fakeNpm(`console.error('npm error network request failed'); process.exit(1);`);
    await expect(installNativePackage({ folder, platform: 'linux-x64' })).rejects.toMatchObject({
      code: 'ENGINE_INSTALL',
      message: expect.stringMatching(/network request failed.*Check the network/) as string,
    });
  });

  it('does not take a package without a library for success', async () => {
    fakeNpm(putsLibraries('darwin/arm64'));
    await expect(installNativePackage({ folder, platform: 'linux-x64' })).rejects.toMatchObject({
      code: 'ENGINE_INSTALL',
      message: expect.stringContaining('without a library for linux-x64') as string,
    });
  });

  it('says that a folder cannot be written', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(
      installNativePackage({ folder: join(file, 'engines'), platform: 'linux-x64' }),
    ).rejects.toMatchObject({ code: 'ENGINE_INSTALL', message: expect.stringContaining('PEERCEPTRON_DATA') as string }); // prettier-ignore
  });
});
