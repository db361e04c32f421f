#!/usr/bin/env node
/**
 * `npm run soak -- [--library wrtc|node-datachannel] [--cycles 1000] [--closes 1000] [--exits 20]`: two Node peers connect,
 * exchange a tensor and close, over and over in one process that is watched from outside; then one process closes links that another
 * sends on as fast as it can (wrtc); then processes end in every way in which programs end. Prints a line per hundred cycles and a verdict; exit code 1 when anything leaks, hangs or crashes.
 */
import { fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportSetupFailure, setUp } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const outDir = join(root, `.cache/soak/${process.pid}`);
const say = (line) => process.stdout.write(`${line}\n`);

/** A hundred cycles without a report are a hang. */
const SILENCE_MS = 120_000;
const TOTAL_MS = 10 * 60_000;
/**
 * Measured against the report after 200 cycles, when pools and code are warm, and some seconds after the last close. One of anything left behind in
 * every tenth cycle would be eighty.
 */
const MAX_GROWTH = { rssBytes: 48 * 1024 * 1024, handles: 20, threads: 16, files: 20 };
const LIBRARIES = ['wrtc', 'node-datachannel'];
const EXITS = ['end', 'exit-while-open', 'exit-while-closing', 'exit-when-closed'];

async function compile() {
  const { build } = await import('vite');
  await build({
    configFile: join(root, 'vite.node.config.ts'),
    root,
    logLevel: 'warn',
    build: {
      outDir,
      rollupOptions: {
        input: {
          cycles: join(root, 'scripts/soak/cycles.process.ts'),
          traffic: join(root, 'scripts/soak/traffic.process.ts'),
        },
      },
    },
  });
}

/** Resolves to how the process ended: `undefined` when well. */
function run(program, args, timeoutMs, onReport) {
  return new Promise((resolve) => {
    const child = fork(join(outDir, program), args, { execArgv: ['--expose-gc'] });
    let stopped;
    const stop = (reason) => {
      stopped = reason;
      child.kill('SIGKILL');
    };
    let silence = setTimeout(() => stop('hangs'), SILENCE_MS);
    const total = setTimeout(() => stop('takes too long'), timeoutMs);
    child.on('message', (report) => {
      clearTimeout(silence);
      silence = setTimeout(() => stop('hangs'), SILENCE_MS);
      onReport?.(report);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(silence);
      clearTimeout(total);
      resolve(stopped ?? (signal ? `died of ${signal}` : code === 0 ? undefined : `ended with code ${code}`));
    });
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      library: { type: 'string', default: 'wrtc' },
      cycles: { type: 'string', default: '1000' },
      closes: { type: 'string', default: '1000' },
      exits: { type: 'string', default: '20' },
    },
  });
  const { library } = values;
  if (!LIBRARIES.includes(library)) throw new Error(`--library must be one of ${LIBRARIES.join(', ')}`);
  await setUp('install');
  await compile();
  const faults = [];
  const reports = [];
  const startMs = Date.now();
  const end = await run('cycles.js', [library, 'cycles', values.cycles], TOTAL_MS, (report) => {
    reports.push(report);
    const { cycles, rssBytes, handles, threads, files } = report;
    say(
      `${cycles} cycles, ${((Date.now() - startMs) / cycles).toFixed(0)} ms each, ` +
        `RSS ${(rssBytes / 2 ** 20).toFixed(0)} MiB, ${handles} handles, ${threads} threads, ${files} files`,
    );
  });
  if (end) faults.push(`the process ${end} after ${reports.at(-1)?.cycles ?? 0} cycles`);
  const [warm, last] = [reports[1] ?? reports[0], reports.at(-1)];
  for (const [what, limit] of Object.entries(MAX_GROWTH)) {
    if (warm && last && last[what] - warm[what] > limit)
      faults.push(`${what} grew from ${warm[what]} to ${last[what]}`);
  }
  if (library === 'wrtc' && Number(values.closes) > 0) {
    let closes = 0;
    const how = await run('traffic.js', [values.closes], TOTAL_MS, ({ cycles }) => (closes = cycles));
    say(`${closes} closes by the other side in the midst of traffic`);
    if (how) faults.push(`the sending process ${how} after ${closes} closes`);
  }
  for (const way of EXITS) {
    const ends = [];
    for (let index = 0; index < Number(values.exits) && Date.now() - startMs < TOTAL_MS; index++) {
      ends.push(await run('cycles.js', [library, 'exit', way], 60_000));
    }
    const bad = ends.filter((how) => how !== undefined);
    say(`${ends.length} processes ended by "${way}", ${bad.length} of them badly`);
    if (bad.length > 0) faults.push(`"${way}": ${[...new Set(bad)].join(', ')}`);
  }
  say(faults.length === 0 ? 'verdict: no crash, no leak' : `verdict: FAILED: ${faults.join('; ')}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

try {
  await main();
} catch (error) {
  reportSetupFailure(error);
  process.exitCode = 1;
} finally {
  rmSync(outDir, { recursive: true, force: true });
}
