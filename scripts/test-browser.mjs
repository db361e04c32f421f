#!/usr/bin/env node
/**
 * Builds test/browser/**\/*.test.ts with the product's own Vite configuration, and runs them in real Chromium on
 * cross-origin isolated pages: `node scripts/test-browser.mjs [--report file.json] [part of a path …]`.
 * Files named `*.rtc.test.ts` run in a Chromium that does not hide local addresses behind mDNS names.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startTestRunner } from '@web/test-runner';
import { chromeLauncher } from '@web/test-runner-chrome';
import { build } from 'vite';
import { chromiumMissing, findChromium } from './setup/chromium.mjs';
import { reportSetupFailure } from './setup.mjs';
import { plainReporter } from './test/browser-reporter.mjs';
import { chromiumFlags, fakeCamera, showLocalAddresses } from './test/chromium-flags.mjs';
import { emptyTally, fromBrowserSession, sum } from './test/tally.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'test/browser');
const outDir = join(root, '.cache/browser-tests');
const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const { values, positionals } = parseArgs({
  options: { report: { type: 'string' } },
  allowPositionals: true,
});

async function main() {
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();

  const names = readdirSync(source, { recursive: true })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => path.slice(0, -'.ts'.length))
    .filter((path) => positionals.length === 0 || positionals.some((part) => path.includes(part)))
    .sort();
  if (names.length > 0) await buildTests(names);
  const tally = names.length > 0 ? await runTests(executablePath, names) : emptyTally;
  if (values.report) writeFileSync(values.report, JSON.stringify(tally));
  if (names.length === 0) process.stderr.write('no browser test matches\n');
  process.exitCode = tally.failed.length > 0 || names.length === 0 ? 1 : 0;
}

const titleOf = (file) =>
  `test/browser/${relative(outDir, file).replaceAll('\\', '/').replace(/\.js$/, '.ts')}`;

/** Same resolver, plugins and public folder as the page, so that what passes here is what users get. */
function buildTests(names) {
  return build({
    configFile: join(root, 'vite.config.ts'),
    root,
    logLevel: 'warn',
    build: {
      outDir,
      emptyOutDir: true,
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(names.map((name) => [name, join(source, `${name}.ts`)])),
        output: { entryFileNames: '[name].js' },
      },
    },
  });
}

async function runTests(executablePath, names) {
  const files = names.map((name) => ({ name, file: join(outDir, `${name}.js`) }));
  const group = (name, members, extraFlags) => ({
    name,
    files: members.map(({ file }) => file),
    browsers: [
      chromeLauncher({
        launchOptions: { executablePath, headless: true, args: [...chromiumFlags(), ...extraFlags] },
        // Pages of one browser share its GPU and network processes: one at a time, so that no test starves another.
        concurrency: 1,
      }),
    ],
  });
  const rtc = files.filter(({ name }) => name.endsWith('.rtc.test'));
  const plain = files.filter((file) => !rtc.includes(file));
  const runner = await startTestRunner({
    readCliArgs: false,
    readFileConfig: false,
    autoExitProcess: false,
    config: {
      rootDir: root,
      groups: [
        ...(plain.length > 0 ? [group('chromium', plain, fakeCamera)] : []),
        ...(rtc.length > 0 ? [group('chromium with local addresses', rtc, [showLocalAddresses])] : []),
      ],
      concurrentBrowsers: 1,
      staticLogging: !process.stdout.isTTY,
      browserStartTimeout: 60_000,
      testsStartTimeout: 60_000,
      testsFinishTimeout: 180_000,
      testFramework: { config: { timeout: '60000' } },
      reporters: [plainReporter({ titleOf, write: (line) => process.stdout.write(`${line}\n`) })],
      middleware: [
        async (context, next) => {
          context.set(isolationHeaders);
          // Assets of the build are addressed from the site's root, as in the product.
          if (/^\/(assets|models)\//.test(context.path)) context.url = `/.cache/browser-tests${context.url}`;
          await next();
        },
      ],
    },
  });
  if (!runner) throw new Error('the test runner did not start; see above');
  await new Promise((resolve) => runner.on('stopped', resolve));
  return sum(
    [...runner.sessions.all()].map((session) => fromBrowserSession(session, titleOf(session.testFile))),
  );
}

// The runner clears its (empty) progress display even where there is no terminal.
if (!process.stdout.isTTY) {
  const write = process.stdout.write.bind(process.stdout);
  // eslint-disable-next-line no-control-regex
  const cursorMoves = /\x1b\[\d*[AKGJ]/g;
  process.stdout.write = (data, ...rest) =>
    write(typeof data === 'string' ? data.replace(cursorMoves, '') : data, ...rest);
}

await main().catch(reportSetupFailure);
