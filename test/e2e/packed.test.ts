import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ListedEngine } from '../../headless/commands/engine.ts';
import { npmCommand } from '../../headless/npm.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const library = join(root, 'node_modules/onnxruntime-node');

let home: string;
let data: string;

/** npm in an empty folder, as somebody has it who has no checkout. */
function npm(args: readonly string[], cwd: string): string {
  const [command, ...first] = npmCommand();
  const env = { ...process.env, npm_config_prefer_offline: 'true', npm_config_update_notifier: 'false' };
  return execFileSync(command!, [...first, ...args, '--loglevel=error'], { cwd, env, encoding: 'utf8' });
}

/** The installed program, which prints one JSON document. */
async function peerceptron(...args: string[]): Promise<unknown> {
  const program = join(home, 'node_modules/peerceptron/bin/peerceptron.mjs');
  const env = { ...process.env, NO_COLOR: '1', PEERCEPTRON_DATA: data, PEERCEPTRON_ENGINE: 'auto' };
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args, '--json'], {
    cwd: home,
    env,
  }).catch((error: unknown) => error as { stdout: string });
  return JSON.parse(stdout);
}

const listed = async (): Promise<ReadonlyMap<string, ListedEngine>> => {
  const { engines } = (await peerceptron('engine', 'list')) as { engines: readonly ListedEngine[] };
  return new Map(engines.map((row) => [row.engine, row]));
};

/** What `--engine auto` comes to, in the words of `doctor`. */
const chosen = async (): Promise<{ verdict: string; message: string }> => {
  const { checks } = (await peerceptron('doctor')) as {
    checks: readonly { name: string; verdict: string; message: string }[];
  };
  return checks.find(({ name }) => name === 'engine')!;
};

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'peerceptron-packed-'));
  npm(['pack', '--ignore-scripts', '--pack-destination', home], root);
  const [tarball] = readdirSync(home).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(home, 'package.json'), '{"private":true}');
  npm(['install', '--no-audit', '--no-fund', `./${tarball!}`], home);
  // All that the program needs comes from the registry.
}, 480_000);
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'peerceptron-data-'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the packed program in an empty folder', () => {
  it('comes without the native engine, says so with what to do, and computes with wasm', async () => {
    expect(existsSync(join(home, 'node_modules/onnxruntime-node'))).toBe(false);
    const engines = await listed();
    expect(engines.get('native')).toMatchObject({
      state: 'missing',
      reason: expect.stringContaining('peerceptron engine install') as string,
    });
    expect(engines.get('wasm')).toMatchObject({ state: 'works' });
    expect(await chosen()).toMatchObject({
      verdict: 'ok',
      message: expect.stringMatching(
        /^tfjs-wasm(, \d+ threads)? computes right .*native: .*not installed/,
      ) as string,
    });
  });

  it.skipIf(!existsSync(library))(
    `loads the native engine from where it is installed${existsSync(library) ? '' : ' (skipped: onnxruntime-node is not installed)'}`,
    async () => {
      mkdirSync(join(data, 'engines/node_modules'), { recursive: true });
      symlinkSync(library, join(data, 'engines/node_modules/onnxruntime-node'));
      expect((await listed()).get('native')).toMatchObject({ state: 'works' });
      const { verdict, message } = await chosen();
      expect(verdict).toBe('ok');
      // Whichever is faster here; neither is missing.
      expect(message).toMatch(
        /^(native|tfjs-wasm)(, \d+ threads)? computes right \(not in its place: (wasm|native): slower: [^;]*\)$/,
      );
    },
  );

  it('says that a native engine is broken, and computes with wasm', async () => {
    const broken = join(data, 'engines/node_modules/onnxruntime-node');
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, 'index.js'), 'throw new Error("libonnxruntime.so.1: no such file");');
    expect((await listed()).get('native')).toMatchObject({
      state: 'broken',
      reason: expect.stringContaining('no such file') as string,
    });
    expect(await chosen()).toMatchObject({
      verdict: 'warning',
      message: expect.stringMatching(/^tfjs-wasm(, \d+ threads)? computes right .*no such file/) as string,
    });
  });
});
