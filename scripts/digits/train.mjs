#!/usr/bin/env node
/**
 * Trains the bundled digit model and writes it to `public/models/digits/`.
 *   node scripts/digits/train.mjs [--steps 7000] [--lanes 2]
 * Runs with the same arguments repeat bit for bit; the number of lanes is one of them.
 */
import { Worker } from 'node:worker_threads';
import { parseArgs } from 'node:util';
import { installTools } from './setup.mjs';

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '7000' }, lanes: { type: 'string', default: '2' } },
});
const settings = {
  steps: Number(values.steps),
  lanes: Number(values.lanes),
  batch: 48,
  seed: 1,
  peakRate: 2e-3,
  warmUpSteps: 200,
  decay: 1e-2,
  dropout: 0.25,
  smoothing: 0.05,
  poolSlots: 4096,
};

installTools();
const { loadGlyphs } = await import('./glyphs.mjs');
const { compileKernels } = await import('./wasm.mjs');
const { parameterLayout } = await import('./network.mjs');
const { foldParameters, readModel, writeModel } = await import('./model-file.mjs');
const { writeModelCard } = await import('./model-card.mjs');
const { formatFigures, measureFonts, measureMnist } = await import('./figures.mjs');

const { train, test, dropped } = await loadGlyphs();
for (const { family, style, reason } of dropped) console.log(`left out ${family} ${style}: ${reason}`);
const count = (glyphs) =>
  `${new Set(glyphs.map((glyph) => glyph.family)).size} families, ${glyphs.length / 10} styles`;
const pens = train.glyphs.filter((glyph) => glyph.category === 'pen');
const fonts = train.glyphs.filter((glyph) => glyph.category !== 'pen');
const counts = { train: count(fonts), pens: pens.length / 10, test: count(test.glyphs) };
console.log(`training on ${counts.train}, and ${counts.pens} made-up pens; testing on ${counts.test}`);

const { layout, size } = parameterLayout();
const module = await compileKernels();
const shared = {
  gradients: new SharedArrayBuffer(4 * size * settings.lanes),
  barrier: new SharedArrayBuffer(8),
};
const started = Date.now();
const results = await Promise.all(
  Array.from({ length: settings.lanes }, (_, lane) => {
    const workerData = { module, lane, settings, train, shared };
    const worker = new Worker(new URL('train-worker.mjs', import.meta.url), { workerData });
    return new Promise((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', (message) => {
        if (message.kind === 'done') return resolve(message);
        const { step, loss, accuracy } = message;
        const minutes = (Date.now() - started) / 60_000;
        const left = (minutes / step) * (settings.steps - step);
        console.log(
          `step ${step}/${settings.steps}  loss ${loss.toFixed(4)}  accuracy ${(100 * accuracy).toFixed(2)} %  ` +
            `${minutes.toFixed(1)} min, ${left.toFixed(1)} to go`,
        );
      });
    });
  }),
);

const statistics = results[0].statistics.map(({ name }, i) => {
  const mean = (key) =>
    results[0].statistics[i][key].map((_, j) => {
      return results.reduce((sum, result) => sum + result.statistics[i][key][j], 0) / results.length;
    });
  return { name, mean: mean('mean'), variance: mean('variance') };
});
writeModel(foldParameters(layout, results[0].parameters, statistics));
const model = readModel();
const figures = formatFigures(measureFonts(module, model, test), measureMnist(module, model));
console.log(figures);
writeModelCard({ figures, settings, counts });
