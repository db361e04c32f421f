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
import { emptyTally, finalLine, fromVitest, judge, sum } from './test/tally.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = join(root, '.cache/test-reports');
const deadline = Date.now() + 22 * 60_000;
const limitsMs = { check: 5 * 60_000, vitest: 15 * 60_000, browser: 8 * 60_000 };

const env = { ...process.env };
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
  const exit = await run(name, [process.execPath, ...args]);
  let tally;
  try {
    tally = read(JSON.parse(readFileSync(join(reports, `${name}.json`), 'utf8')));
  } catch {
    // No report, or half of one: judge() counts that.
  }
  return judge(name, exit, tally);
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
