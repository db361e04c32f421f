#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { unmetRequirement } from './requirements.mjs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const unmet = unmetRequirement({
  arch: process.arch,
  version: process.versions.node,
  engines: engines.node,
});
if (unmet) {
  process.stderr.write(`error PLATFORM_UNSUPPORTED: ${unmet}\n`);
  process.exitCode = 1;
} else await start();

async function start() {
  // A checkout installs and builds itself as needed; a published package comes built and without the sources' tooling.
  if (existsSync(new URL('../vite.node.config.ts', import.meta.url))) {
    const { reportSetupFailure, setUp } = await import('../scripts/setup.mjs');
    try {
      await setUp('build');
    } catch (error) {
      return reportSetupFailure(error);
    }
  }
  await import('../dist/node/cli.js');
}
