import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setUp } from '../../scripts/setup.mjs';
import { startProgram } from '../support/program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
/** As `npm install` lays it out: the package's files, and beside it what it says that it depends on. */
let installed: string;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}

beforeAll(async () => {
  await setUp('build');
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-package-'));
  const npm = (...args: string[]): string =>
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const [{ filename }] = JSON.parse(
    npm('pack', '--ignore-scripts', '--json', '--pack-destination', folder),
  ) as [{ filename: string }];
  const modules = join(folder, 'node_modules');
  installed = join(modules, 'peerceptron');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = (): string => {
  const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
  return join(installed, bin.peerceptron!);
};

describe('the package', () => {
  it('holds the built program, the page and the documents, and nothing that only developers need', () => {
    for (const file of [
      'dist/node/cli.js',
      'dist/node/compute-worker.js',
      'dist/node/measure-device.js',
      'dist/page/index.html',
      'docs/raspberry-pi.md',
      'LICENSE',
    ])
      expect(existsSync(join(installed, file)), file).toBe(true);
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /\.map$|^(test|bench|scripts|headless)\b/.test(file))).toEqual([]);
    const bytes = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0);
    expect(bytes).toBeLessThan(25e6);
  });

  it('runs in an empty folder, where it joins a room, measures the device and leaves', async () => {
    const server = startProgram(['serve', '--port', '0', '--host', '127.0.0.1', '--json']);
    try {
      const { local } = (await server.firstJson()) as { local: string };
      const linkFile = join(folder, 'link.txt');
      writeFileSync(linkFile, local, { mode: 0o600 });
      const peer = spawn(process.execPath, [program(), 'join', '--json', '--url-file', linkFile], {
        cwd: folder,
        env: { PATH: process.env.PATH, XDG_CACHE_HOME: join(folder, 'cache') },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      let complaints = '';
      peer.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
      const isReady = new Promise<void>((resolve) =>
        peer.stdout.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (output.includes('"type":"joined"') && output.includes('"type":"profile"')) resolve();
        }),
      );
      const ended = new Promise<number | null>((resolve) => peer.once('close', resolve));
      try {
        await Promise.race([
          isReady,
          ended.then((code) => {
            throw new Error(`it ended with ${code}:\n${output}\n${complaints}`);
          }),
        ]);
        peer.kill('SIGTERM');
        expect(await ended).toBe(0);
      } finally {
        peer.kill('SIGKILL');
      }
      // The engine that a Pi has, with its WebAssembly found beside the program.
      expect(output).toMatch(/"engine":"tfjs-wasm(, \d+ threads)?"/);
      expect(output).toContain('"measured":true');
      expect(output).toContain('"left"');
    } finally {
      await server.stop();
    }
  });
});
