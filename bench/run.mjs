#!/usr/bin/env node
/**
 * `npm run bench -- <name> [--json] [--quick]`, `npm run bench -- list`. Installs and builds as needed, compiles the
 * benchmarks beside the build, and runs one. Only the result goes to stdout.
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { reportSetupFailure, setUp } from '../scripts/setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const USAGE = `Usage: npm run bench -- <name> [--json] [--quick] [--again <pattern>]
       npm run bench -- list

  --json   one JSON object on stdout: {name, commit, machine, rows}
  --quick  fewer repetitions: shows that the benchmark runs
  --again  of a benchmark that keeps its cells (farm): measure anew only those whose name has this regular expression
`;

function parsed() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        json: { type: 'boolean' },
        quick: { type: 'boolean' },
        again: { type: 'string' },
        help: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    if (values.help) return { help: true };
    if (positionals.length === 1) return { name: positionals[0], ...values };
    process.stderr.write(USAGE);
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}`);
  }
  return undefined;
}

/** Programs that benchmarks start as processes of their own; they lie beside main.js. */
function processes() {
  const files = readdirSync(join(root, 'bench'), { recursive: true }).filter((file) =>
    file.endsWith('.process.ts'),
  );
  return Object.fromEntries(files.map((file) => [basename(file, '.ts'), join(root, 'bench', file)]));
}

async function compiled() {
  const { build } = await import('vite');
  // A folder of its own per process: two benchmarks may run at a time.
  const outDir = join(root, `.cache/bench/${process.pid}`);
  await build({
    configFile: join(root, 'vite.node.config.ts'),
    root,
    logLevel: 'warn',
    build: {
      outDir,
      rollupOptions: { input: { main: join(root, 'bench/main.ts'), ...processes() } },
    },
  });
  process.on('exit', () => rmSync(outDir, { recursive: true, force: true }));
  return import(pathToFileURL(join(outDir, 'main.js')).href);
}

const options = parsed();
if (!options) process.exitCode = 2;
else if (options.help) process.stdout.write(USAGE);
else {
  // Libraries greet on the console, and stdout is for the result alone.
  console.log = console.info = console.error;
  try {
    await setUp('build');
    const { main } = await compiled();
    process.exitCode = await main({
      name: options.name,
      json: options.json ?? false,
      quick: options.quick ?? false,
      again: options.again,
      root,
    });
  } catch (error) {
    reportSetupFailure(error);
    process.exitCode = 1;
  }
}
