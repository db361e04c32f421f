#!/usr/bin/env node
/** Writes the icons of the installed page, from `public/favicon.svg`, into `public/icons`; commit what it writes. */
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const at = (path) => fileURLToPath(new URL(`../public/${path}`, import.meta.url));
const drawing = readFileSync(at('favicon.svg'));
const ground = '#f4f6f8';

/** `part`: how much of the width the drawing takes; a mask may cut off all outside the middle 80 %. */
const icons = [
  { file: 'icon-192.png', size: 192, part: 0.84 },
  { file: 'icon-512.png', size: 512, part: 0.84 },
  { file: 'maskable-512.png', size: 512, part: 0.62 },
  { file: 'apple-touch-icon.png', size: 180, part: 0.76 },
];

mkdirSync(at('icons'), { recursive: true });
for (const { file, size, part } of icons) {
  const inner = Math.round(size * part);
  const picture = await sharp(drawing, { density: 72 * (inner / 32) * 1.5 })
    .resize(inner, inner)
    .png()
    .toBuffer();
  await sharp({ create: { width: size, height: size, channels: 4, background: ground } })
    .composite([{ input: picture, gravity: 'centre' }])
    .png({ compressionLevel: 9, palette: true })
    .toFile(at(`icons/${file}`));
  process.stdout.write(`public/icons/${file}\n`);
}
