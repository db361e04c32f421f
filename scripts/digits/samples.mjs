#!/usr/bin/env node
/**
 * Writes the sample pictures that come with the model: digits in fonts that it never saw, as a person might hold them
 * up, at the moderate level of difficulty and natural sizes. `node scripts/digits/samples.mjs`
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { installTools } from './setup.mjs';

installTools();
const { loadGlyphs } = await import('./glyphs.mjs');
const { MODEL_FOLDER } = await import('./model-file.mjs');
const { LEVELS, drawPicture } = await import('./picture.mjs');
const { encodePng } = await import('./png.mjs');
const { mixSeeds, seededRandom } = await import('./random.mjs');

/** digit, what the file name says, family, pixels, seed. */
const SAMPLES = [
  [0, 'handwriting', 'gochi-hand', 160, 6],
  [1, 'print', 'signika', 140, 4],
  [2, 'handwriting', 'coming-soon', 180, 8],
  [2, 'print', 'newsreader', 150, 7],
  [3, 'handwriting', 'zeyada', 200, 6],
  [4, 'handwriting', 'the-girl-next-door', 160, 8],
  [4, 'print', 'atkinson-hyperlegible', 128, 5],
  [5, 'print', 'calistoga', 170, 2],
  [6, 'handwriting', 'comic-neue', 150, 5],
  [7, 'handwriting', 'swanky-and-moo-moo', 190, 7],
  [8, 'print', 'victor-mono', 144, 5],
  [9, 'handwriting', 'dawning-of-a-new-day', 176, 6],
];

const { test } = await loadGlyphs();
const folder = `${MODEL_FOLDER}samples/`;
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) if (name.endsWith('.png')) rmSync(folder + name);
for (const [digit, kind, family, size, seed] of SAMPLES) {
  const index = test.glyphs.findIndex((glyph) => glyph.family === family && glyph.digit === digit);
  const random = seededRandom(mixSeeds(seed, digit, size));
  const gray = new Float32Array(size * size);
  drawPicture(random, test.fields, { index, ...test.glyphs[index] }, LEVELS.moderate, size, gray);
  // The light of a room is not quite white.
  const tint = [random.between(0.96, 1), random.between(0.94, 0.98), random.between(0.86, 0.97)];
  const pixels = new Uint8Array(3 * size * size);
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.round(255 * gray[(i / 3) | 0] * tint[i % 3]);
  writeFileSync(`${folder}${digit}-${kind}.png`, encodePng(pixels, size, size, 3));
}
