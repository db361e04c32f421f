#!/usr/bin/env node
/** Writes `docs/*.schema.json` and `examples/plans/*.json` anew. A test says when they are out of date. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const { module } = await runnerImport(join(root, 'scripts/plans/plan-documents.ts'), { configFile: false });
for (const { path, text } of await module.planDocuments()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
