#!/usr/bin/env node
/**
 * Tests of the tests: switches seeded defects (`test/mutants/mutants.mjs`) on one by one and wants tests to fail for
 * each. `npm run test:mutants`, or `node scripts/mutants.mjs halo bias` for those with such words in their ids.
 * The last line is `N caught, N survived`; the exit code is 1 unless all were caught.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { mutate, testFiles } from '../test/mutants/mutate.mjs';
import { mutants } from '../test/mutants/mutants.mjs';
import { verdictOf } from './mutants/verdict.mjs';
import { reportSetupFailure, setUp } from './setup.mjs';
import { runChild } from './test/run-child.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = join(root, '.cache/mutants');
const limitMs = { unchanged: 4 * 60_000, mutant: 90_000 };
/** Runs at once; each has one worker. */
const LANES = 2;
/** A defect that only one random case in hundreds shows would be no proof of anything: a quarter of the cases must do. */
const FUZZ_SCALE = '0.25';

const say = (line) => process.stdout.write(`${line}\n`);

async function main(words) {
  const chosen = mutants.filter(({ id }) => words.length === 0 || words.some((word) => id.includes(word)));
  if (chosen.length === 0) {
    say(`no mutant is called like that; there are ${mutants.map(({ id }) => id).join(', ')}`);
    return 2;
  }
  const ready = await setUp('install').then(
    () => true,
    (error) => reportSetupFailure(error),
  );
  if (!ready) return 1;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });

  const unchanged = await run('unchanged', filesOf(chosen), LANES);
  if (unchanged.verdict !== 'survived') {
    say('without any defect the tests must pass, and they do not:');
    if (unchanged.verdict === 'undecided') say(`  ${unchanged.reason}`);
    else for (const { title } of unchanged.by) say(`  ${title}`);
    return 1;
  }
  say(`without any defect ${filesOf(chosen).length} files of tests pass (${seconds(unchanged.ms)})\n`);

  const complaints = await staticComplaints(chosen);
  const results = new Map();
  const queue = [...chosen];
  const width = Math.max(...chosen.map(({ id }) => id.length));
  const work = async () => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const complaint = complaints.get(mutant.id);
      const result = complaint
        ? { verdict: 'undecided', reason: complaint, ms: 0 }
        : await run(mutant.id, filesOf([mutant]), 1);
      results.set(mutant.id, result);
      say(`${mutant.id.padEnd(width)}  ${describe(result)}  ${seconds(result.ms)}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, work));

  const open = chosen.filter(({ id }) => results.get(id).verdict !== 'caught');
  say('');
  for (const { id, breaks } of open) say(`not caught: ${id}: ${breaks}`);
  say(`${chosen.length - open.length} caught, ${open.length} survived`);
  return open.length > 0 ? 1 : 0;
}

/** Defects that are out of date or that the compiler refuses, by id. */
async function staticComplaints(chosen) {
  // Not at the top: the compiler may only just have been installed.
  const { typeChecker } = await import('./mutants/type-check.mjs');
  const typeCheck = typeChecker(root);
  const complaints = new Map();
  for (const mutant of chosen) {
    try {
      const changed = mutate(mutant, readFileSync(join(root, mutant.file), 'utf8'));
      const complaint = typeCheck(mutant.file, changed);
      if (complaint) complaints.set(mutant.id, `does not compile: ${complaint}`);
    } catch (error) {
      complaints.set(mutant.id, error.message);
    }
  }
  return complaints;
}

const filesOf = (chosen) => [...new Set(chosen.flatMap(({ tests }) => tests.map((name) => testFiles[name])))];

async function run(id, files, workers) {
  const report = join(scratch, `${id}.json`);
  const log = openSync(join(scratch, `${id}.log`), 'w');
  const env = { FUZZ_SCALE, ...process.env, NO_COLOR: '1', MUTANTS_REPORT: report };
  delete env.FORCE_COLOR;
  delete env.PEERCEPTRON_MUTANT;
  if (id !== 'unchanged') env.PEERCEPTRON_MUTANT = id;
  const startedMs = performance.now();
  const exit = await runChild(
    [
      process.execPath,
      'node_modules/vitest/vitest.mjs',
      'run',
      `--maxWorkers=${workers}`,
      '--reporter=default',
      '--reporter=./scripts/mutants/failures-reporter.mjs',
      ...files,
    ],
    {
      cwd: root,
      env,
      timeoutMs: id === 'unchanged' ? limitMs.unchanged : limitMs.mutant,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  let parsed;
  try {
    parsed = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // No report, or half of one: the verdict says so.
  }
  return { ...verdictOf(exit, parsed), ms: performance.now() - startedMs };
}

function describe(result) {
  if (result.verdict === 'survived') return 'SURVIVED';
  if (result.verdict === 'undecided') return `UNDECIDED: ${result.reason}`;
  const counts = new Map();
  for (const { file } of result.by) counts.set(file, (counts.get(file) ?? 0) + 1);
  const names = [...counts].map(([file, count]) => {
    const [name] = Object.entries(testFiles).find(([, path]) => file.endsWith(path)) ?? [file];
    return count > 1 ? `${name} ×${count}` : name;
  });
  return `caught by ${names.join(', ')}`;
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

process.exitCode = await main(process.argv.slice(2));
