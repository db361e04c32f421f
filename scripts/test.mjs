#!/usr/bin/env node
/**
 * Everything that must hold, in one command: `npm run check`, the tests in Node, the tests in Chromium, those of several processes. The
 * last line is `N passed, N failed`, summed over all runners; the exit code says the same. Where a machine is too slow for all of it, tests of
 * processes are skipped by name: others in every commit, and none by `npm run test:e2e`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reportSetupFailure, setUp } from './setup.mjs';
import { runChild } from './test/run-child.mjs';
import { emptyTally, finalLine, fromVitest, judge, onlyAWorkerDied, sum } from './test/tally.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = join(root, '.cache/test-reports');
const deadline = Date.now() + 24 * 60_000;
const limitsMs = { check: 5 * 60_000, unit: 12 * 60_000, browser: 10 * 60_000, e2e: Infinity };
/** From then on no test of processes is begun; those that run have the rest. */
const lastBegin = deadline - 3 * 60_000;

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
  const unit = await runTests('unit', vitest('unit', ['--project=unit', '--project=contract']), fromVitest);
  const browser = await runTests(
    'browser',
    ['scripts/test-browser.mjs', '--report', join(reports, 'browser.json')],
    (report) => report,
  );
  env.TEST_DEADLINE = String(lastBegin);
  const order = [`--sequence.seed=${orderOfCommit()}`, '--sequence.shuffle.files'];
  const inTime = '--reporter=./scripts/test/deadline-reporter.mjs';
  const e2e = await runTests(
    'e2e',
    vitest('e2e', ['--project=e2e', '--project=chaos', ...order, inTime]),
    fromVitest,
  );
  return sum([check, unit, browser, e2e]);
}

/**
 * @param {string} name of the report
 * @param {readonly string[]} args
 */
const vitest = (name, args) => [
  'node_modules/vitest/vitest.mjs',
  'run',
  ...args,
  '--reporter=default',
  '--reporter=json',
  '--reporter=./scripts/test/unhandled-reporter.mjs',
  `--outputFile.json=${join(reports, `${name}.json`)}`,
];

/** Every commit has another order, so that what one has no time for is tested by the next. */
function orderOfCommit() {
  try {
    const stdio = ['ignore', 'pipe', 'ignore'];
    return parseInt(execFileSync('git', ['rev-parse', '--short=7', 'HEAD'], { cwd: root, stdio }), 16);
  } catch {
    return 1;
  }
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
if (Date.now() > lastBegin && tally.skipped.length > 0)
  say('There was no time left for all tests of processes: npm run test:e2e runs them all.');
for (const title of tally.failed) say(`failed: ${title}`);
say(finalLine(tally));
process.exitCode = tally.failed.length > 0 ? 1 : 0;
