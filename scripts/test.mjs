#!/usr/bin/env node
/**
 * Everything that must hold, in one command: `npm run check`, the tests in Node, the tests in Chromium. The last line
 * is `N passed, N failed`, summed over all runners; the exit code says the same.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reportSetupFailure, setUp } from './setup.mjs';
import { runChild } from './test/run-child.mjs';
import { emptyTally, finalLine, fromVitest, judge, onlyAWorkerDied, sum } from './test/tally.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = join(root, '.cache/test-reports');
const deadline = Date.now() + 24 * 60_000;
const limitsMs = { check: 5 * 60_000, vitest: 18 * 60_000, browser: 8 * 60_000 };

const env = { ...process.env, UNHANDLED_REPORT: join(reports, 'unhandled.json') };
if (!process.stdout.isTTY) {
  env.NO_COLOR = '1';
  delete env.FORCE_COLOR;
}

const say = (line) => process.stdout.write(`${line}\n`);

async function main() {
  const ready = await setUp('test').then(
    () => true,
    (error) => reportSetupFailure(error),
  );
  if (!ready) return { ...emptyTally, failed: ['setup'] };

  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const check = await checkSources();
  const node = await runTests(
    'vitest',
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      '--reporter=./scripts/test/unhandled-reporter.mjs',
      `--outputFile.json=${join(reports, 'vitest.json')}`,
    ],
    fromVitest,
  );
  const browser = await runTests(
    'browser',
    ['scripts/test-browser.mjs', '--report', join(reports, 'browser.json')],
    (report) => report,
  );
  return sum([check, node, browser]);
}

async function checkSources() {
  say('\n== check: format, lint, types, imports');
  const exit = await run('check', ['npm', 'run', '--silent', 'check']);
  const passed = exit.ended === 'exited' && exit.status === 0;
  return passed ? emptyTally : { ...emptyTally, failed: ['npm run check'] };
}

async function runTests(name, args, read) {
  say(`\n== ${name}`);
  const command = [process.execPath, ...args];
  let exit = await run(name, command);
  let tally = readReport(name, read);
  if (onlyAWorkerDied(exit, tally, unhandledErrors())) {
    // The native WebRTC library sometimes crashes while a test process ends. A second run without a crash is the proof.
    say(`\n${name}: every test passed, but a worker process died while it ended. Once more from the start:`);
    rmSync(join(reports, `${name}.json`), { force: true });
    exit = await run(name, command);
    tally = readReport(name, read);
  }
  return judge(name, exit, tally);
}

/** `undefined` where there is no report, or half of one: `judge` counts that. */
function readReport(name, read) {
  try {
    return read(JSON.parse(readFileSync(join(reports, `${name}.json`), 'utf8')));
  } catch {
    return undefined;
  }
}

function unhandledErrors() {
  try {
    return JSON.parse(readFileSync(env.UNHANDLED_REPORT, 'utf8'));
  } catch {
    return [];
  }
}

function run(name, command) {
  const timeoutMs = Math.max(1000, Math.min(limitsMs[name], deadline - Date.now()));
  return runChild(command, { cwd: root, env, timeoutMs });
}

const tally = await main();
say('');
for (const title of tally.skipped) say(`skipped: ${title}`);
for (const title of tally.failed) say(`failed: ${title}`);
say(finalLine(tally));
process.exitCode = tally.failed.length > 0 ? 1 : 0;
