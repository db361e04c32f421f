#!/usr/bin/env node
/** What must hold of the sources: format, types and imports one after the other, and beside them the linter, which takes as long as all of these. */
import { fileURLToPath } from 'node:url';
import { runChild } from './test/run-child.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 5 * 60_000;

/** @param {readonly string[]} scripts of package.json */
async function runAll(scripts) {
  const failed = [];
  for (const script of scripts) {
    const exit = await runChild(['npm', 'run', '--silent', script], { cwd: root, timeoutMs: TIMEOUT_MS });
    if (exit.ended !== 'exited' || exit.status !== 0) failed.push(script);
  }
  return failed;
}

const failed = (await Promise.all([runAll(['lint']), runAll(['format:check', 'types', 'imports'])])).flat();
if (failed.length > 0) {
  process.stderr.write(`failed: ${failed.map((script) => `npm run ${script}`).join(', ')}\n`);
  process.exitCode = 1;
}
