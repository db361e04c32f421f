#!/usr/bin/env node
/**
 * Writes `docs/benchmarks.md` and the charts in `docs/farm` from `docs/farm/run.json`, a run of `npm run bench -- farm`. With `--check` it writes
 * nothing, and fails when they are out of date. `--run <file>` and `--into <folder>` are for runs that are not to be committed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { check: { type: 'boolean' }, run: { type: 'string' }, into: { type: 'string' } },
});
const runFile = resolve(values.run ?? join(root, 'docs/farm/run.json'));
const into = resolve(values.into ?? join(root, 'docs'));

const load = async (file) => (await runnerImport(join(root, file), { configFile: false })).module;

async function main() {
  if (!existsSync(runFile)) {
    throw new Error(
      `There is no ${relative('', runFile)}: run 'npm run bench -- farm' first (as root, on Linux).`,
    );
  }
  const { parseFarmRun } = await load('bench/farm/parse-run.ts');
  const { farmReport } = await load('bench/farm/report/farm-report.ts');
  const files = await farmReport(parseFarmRun(JSON.parse(readFileSync(runFile, 'utf8'))));
  const stale = [];
  for (const { path, text } of files) {
    const file = join(into, path);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    stale.push(relative('', file));
    if (values.check) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(relative('', file));
  }
  if (values.check && stale.length > 0) {
    throw new Error(`Out of date: ${stale.join(', ')}. 'npm run farm:report' writes them anew.`);
  }
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
