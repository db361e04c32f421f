#!/usr/bin/env node
/**
 * Gets a checkout ready: `install` (dependencies), `build` (that, and dist/), `test` (that, and Chromium).
 * Plain Node without dependencies: it runs before there is a node_modules. Silent when there is nothing to do, and
 * never writes to stdout, which belongs to the command that follows.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canInstallChromium, chromiumMissing, findChromium } from './setup/chromium.mjs';
import { buildInputs, fingerprint, isInstalled } from './setup/inputs.mjs';
import { withLock } from './setup/lock.mjs';
import { requireNode } from './setup/node-version.mjs';
import { SetupError } from './setup/setup-error.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const installStamp = join(root, 'node_modules/.peerceptron-install');
const buildStamp = join(root, 'dist/.inputs');

/**
 * @typedef {'install' | 'build' | 'test'} Goal
 * @param {Goal} goal
 */
export async function setUp(goal) {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  requireNode(process.versions.node, engines.node);
  const isReady = () => installed() && (goal === 'install' || built());
  if (!isReady()) {
    const onWait = (pid) => say(`waiting for another setup (process ${pid}) to finish`);
    await withLock(join(root, '.cache/setup.lock'), () => makeReady(goal), { onWait });
  }
  if (goal === 'test') await ensureChromium();
}

async function makeReady(goal) {
  if (!installed()) {
    await step('installing dependencies', () => npmCi());
    writeFileSync(installStamp, lockHash());
  }
  if (goal === 'install' || built()) return;
  await step('building', async () => {
    // What is built stays known as out of date until everything has been built.
    const inputs = fingerprint(root, buildInputs);
    rmSync(buildStamp, { force: true });
    const builds = ['vite.config.ts', 'vite.node.config.ts'].map((config) => viteBuild(config));
    // Both have ended before the lock is given up, also when one fails.
    for (const result of await Promise.allSettled(builds))
      if (result.status === 'rejected') throw result.reason;
    writeFileSync(buildStamp, inputs);
  });
}

const lockHash = () => fingerprint(root, ['package-lock.json']);

function installed() {
  if (readStamp(installStamp) === lockHash()) return true;
  if (!isInstalled(root)) return false;
  writeFileSync(installStamp, lockHash());
  return true;
}

const built = () => readStamp(buildStamp) === fingerprint(root, buildInputs);

function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

async function npmCi() {
  // The npm that started us, where there is one; its own settings for that run must not leak into this install.
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : process.env.npm_execpath?.endsWith('npx-cli.js')
      ? [process.execPath, process.env.npm_execpath.replace('npx-cli.js', 'npm-cli.js')]
      : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  await run(
    [...npm, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      NODE_ENV: undefined,
      npm_config_package: undefined,
      npm_config_call: undefined,
      npm_config_global: undefined,
    },
    'INSTALL_FAILED',
    'Installing the dependencies failed. Check the network (and the npm registry setting), then run the command again.',
  );
}

async function viteBuild(config) {
  await run(
    [
      process.execPath,
      join(root, 'node_modules/vite/bin/vite.js'),
      'build',
      '--config',
      config,
      '--logLevel',
      'warn',
    ],
    { NODE_ENV: 'production' },
    'BUILD_FAILED',
    `The build (${config}) failed; the compiler's message is above.`,
  );
}

async function ensureChromium() {
  if (findChromium()) return;
  if (!canInstallChromium()) throw chromiumMissing();
  await withLock(join(root, '.cache/setup.lock'), async () => {
    if (findChromium()) return;
    await step('installing Chromium for the browser tests', async () => {
      const env = { DEBIAN_FRONTEND: 'noninteractive' };
      const hint = `${chromiumMissing().message} (apt-get could not install it.)`;
      await run(['apt-get', 'update', '-qq'], env, 'CHROMIUM_MISSING', hint);
      await run(['apt-get', 'install', '-y', '-qq', 'chromium'], env, 'CHROMIUM_MISSING', hint);
    });
    if (!findChromium()) throw chromiumMissing();
  });
}

/** Runs a command; what it prints is shown only when it fails. */
function run([command, ...args], extraEnv, code, sentence) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...extraEnv };
    for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && command.endsWith('.cmd'),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('error', (error) => reject(new SetupError(code, `${sentence} (${error.message})`)));
    child.on('close', (status) => {
      if (status === 0) return resolve();
      process.stderr.write(`${headAndTail(output)}\n`);
      reject(new SetupError(code, sentence));
    });
  });
}

/** npm says what is wrong first and repeats its manual afterwards; compilers say it last. */
function headAndTail(output) {
  const lines = output.trimEnd().split('\n');
  const [head, tail] = [15, 25];
  if (lines.length <= head + tail) return lines.join('\n');
  return [...lines.slice(0, head), `… ${lines.length - head - tail} lines …`, ...lines.slice(-tail)].join(
    '\n',
  );
}

async function step(title, work) {
  const start = Date.now();
  say(`${title} …`);
  await work();
  say(`${title}: done in ${((Date.now() - start) / 1000).toFixed(0)} s`);
}

function say(line) {
  process.stderr.write(`peerceptron: ${line}\n`);
}

/** Prints what went wrong and sets the exit code; unexpected errors keep their stack. */
export function reportSetupFailure(error) {
  if (error instanceof SetupError) process.stderr.write(`error ${error.code}: ${error.message}\n`);
  else process.stderr.write(`${error?.stack ?? error}\n`);
  process.exitCode = 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const goal = process.argv[2];
  if (goal !== 'install' && goal !== 'build' && goal !== 'test') {
    process.stderr.write('usage: node scripts/setup.mjs install|build|test\n');
    process.exitCode = 2;
  } else await setUp(goal).catch(reportSetupFailure);
}
