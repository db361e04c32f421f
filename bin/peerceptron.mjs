#!/usr/bin/env node
import { existsSync } from 'node:fs';

// A checkout installs and builds itself as needed; a published package comes built and without the sources' tooling.
let ready = true;
if (existsSync(new URL('../vite.node.config.ts', import.meta.url))) {
  const { reportSetupFailure, setUp } = await import('../scripts/setup.mjs');
  await setUp('build').catch((error) => {
    reportSetupFailure(error);
    ready = false;
  });
}
if (ready) await import('../dist/node/cli.js');
