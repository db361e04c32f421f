#!/usr/bin/env node
/** Prints the accuracy of the saved model on the fonts that it never saw: `node scripts/digits/evaluate.mjs [--detail]`. */
import { parseArgs } from 'node:util';
import { installTools } from './setup.mjs';

const { values } = parseArgs({ options: { detail: { type: 'boolean', default: false } } });
installTools();
const { loadGlyphs } = await import('./glyphs.mjs');
const { compileKernels } = await import('./wasm.mjs');
const { readModel } = await import('./model-file.mjs');
const { formatFigures, measureFonts, measureMnist } = await import('./figures.mjs');

const { test } = await loadGlyphs();
const module = await compileKernels();
const model = readModel();
const figures = measureFonts(module, model, test);
console.log(formatFigures(figures, measureMnist(module, model)));
if (values.detail) {
  for (const kind of ['digit', 'family']) {
    const rows = Object.entries(figures.moderate).filter(([key]) => key.startsWith(`${kind} `));
    rows.sort((a, b) => a[1] - b[1]);
    for (const [key, value] of rows.slice(0, 20)) console.log(`${(100 * value).toFixed(1)} %  ${key}`);
  }
}
