import type { Command } from 'commander';
import pc from 'picocolors';
import { requireNativePackage } from '../../src/engine/native-library.ts';
import { selfTest } from '../../src/engine/self-test.ts';
import { TIMED_MACS, timeEngine } from '../../src/engine/time-engine.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { installNativePackage, nativeFolders, NATIVE_VERSION, versionOf } from '../engine-package.ts';
import { parseCount } from '../flags.ts';
import { startBackend, startEngine, type NodeBackend, type StartEngineOptions } from '../node-engine.ts';
import { createTerminal, EXIT, table } from '../terminal.ts';

/** One row of `engine list --json`. */
export type ListedEngine = { readonly engine: NodeBackend } & (
  | {
      readonly state: 'works';
      /** 10⁹ multiply-accumulates per second, of filters as networks have them. */
      readonly gigamacsPerSecond: number;
    }
  /** It is not there. */
  | { readonly state: 'missing'; readonly reason: string }
  /** It is there, and does not start or computes wrong numbers. */
  | { readonly state: 'broken'; readonly reason: string }
);

const LISTED: readonly NodeBackend[] = ['native', 'wasm', 'cpu', 'reference'];
/** Plain loops take seconds for a run. */
const SLOW: ReadonlySet<NodeBackend> = new Set(['cpu', 'reference']);

export function addEngineCommand(program: Command): void {
  const engine = program
    .command('engine')
    .description('what computes on this device: list, or install the native one');
  engine
    .command('list')
    .description('try every engine: whether it computes right, and how fast')
    .option(
      '--threads <n>',
      'that compute together, of native and wasm (default: as many as cores)',
      parseCount,
    )
    .option('--json', 'print one JSON document')
    .action(async (flags: StartEngineOptions & { readonly json?: boolean }) => {
      await list(flags, flags.json ?? false);
    });
  engine
    .command('install')
    .description(`put the native engine in place (onnxruntime-node ${NATIVE_VERSION}), and check its numbers`)
    .option('--json', 'print one JSON document')
    .action(async (flags: { readonly json?: boolean }) => {
      process.exitCode = await install(flags.json ?? false);
    });
}

async function list(options: StartEngineOptions, json: boolean): Promise<void> {
  const terminal = createTerminal(json);
  const engines: ListedEngine[] = [];
  for (const backend of LISTED) engines.push(await examine(backend, options));
  terminal.say(
    table(
      ['engine', 'GMAC/s', ''],
      engines.map((row) =>
        row.state === 'works'
          ? [row.engine, row.gigamacsPerSecond.toPrecision(3), 'computes right']
          : [row.engine, '–', row.reason],
      ),
    ),
  );
  const works = engines.filter((row) => row.state === 'works');
  const fastest = works.toSorted((a, b) => b.gigamacsPerSecond - a.gigamacsPerSecond)[0];
  if (fastest)
    terminal.say(
      `\n${pc.bold('--engine auto')} compares native and wasm; here ${fastest.engine} is the fastest.`,
    );
  terminal.result({ engines });
}

async function examine(backend: NodeBackend, options: StartEngineOptions): Promise<ListedEngine> {
  try {
    const engine = await startBackend(backend, options);
    try {
      const result = await selfTest(engine);
      if (!result.passed) return { engine: backend, state: 'broken', reason: result.reason };
      const leastMs = await timeEngine(engine, systemClock, SLOW.has(backend) ? 1 : undefined);
      return { engine: backend, state: 'works', gigamacsPerSecond: TIMED_MACS / 1e6 / leastMs };
    } finally {
      await engine.dispose();
    }
  } catch (thrown) {
    const { message, details } = toPeerceptronError(thrown);
    return { engine: backend, state: details.missing === true ? 'missing' : 'broken', reason: message };
  }
}

async function install(json: boolean): Promise<number> {
  const terminal = createTerminal(json);
  await installNativePackage({ say: (sentence) => terminal.note(sentence) });
  const found = requireNativePackage(nativeFolders());
  // What is loaded, which another copy beside the program may be.
  const version = await versionOf(found);
  const { engine } = await startEngine('native');
  await engine.dispose();
  terminal.say(
    `The native engine (onnxruntime-node ${version}, ${found.path}) computes right on this device.`,
  );
  terminal.result({ engine: 'native', version, path: found.path });
  return EXIT.ok;
}
