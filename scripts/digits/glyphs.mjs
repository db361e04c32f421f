import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FIELD, fieldOfPolygons, halfWidth, similarity } from './distance-field.mjs';
import { CATEGORIES, TEST_FAMILIES, TRAIN_FAMILIES } from './fonts.mjs';
import { penGlyphs } from './pen.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const CACHE = here('../../.cache/digits/');
const PEN_WRITERS = 300;
const PEN_SEED = 7;
const FIELD_SIZE = FIELD * FIELD;
/** A test family of which a style overlaps a training style more than this has copied digits, and is left out. */
const COPY_OVERLAP = 0.94;

/**
 * The digits of every usable style, and for training those of the made-up pens: `{ train, test, dropped }`, each side `{ glyphs, fields }` with
 * `glyphs[i] = { family, style, category, digit, halfWidth }` and its field at `fields[i · FIELD²]`.
 * Built once and kept under `.cache/digits`.
 */
export async function loadGlyphs() {
  mkdirSync(CACHE, { recursive: true });
  const key = createHash('sha256');
  for (const file of ['fonts.mjs', 'glyphs.mjs', 'distance-field.mjs', 'pen.mjs', 'package-lock.json']) {
    key.update(readFileSync(here(file)));
  }
  const stem = `${CACHE}glyphs-${key.digest('hex').slice(0, 12)}`;
  if (!existsSync(`${stem}.json`)) await build(stem);
  const index = JSON.parse(readFileSync(`${stem}.json`, 'utf8'));
  const bytes = readFileSync(`${stem}.bin`);
  const side = (glyphs, start) => {
    const fields = new Int8Array(new SharedArrayBuffer(glyphs.length * FIELD_SIZE));
    fields.set(bytes.subarray(start, start + fields.length));
    return { glyphs, fields };
  };
  return {
    train: side(index.train, 0),
    test: side(index.test, index.train.length * FIELD_SIZE),
    dropped: index.dropped,
  };
}

/** As the font's package states it. DejaVu's own file says more than its package does. */
export function licenceOf(family) {
  if (family.startsWith('dejavu-')) return 'Bitstream Vera';
  return JSON.parse(readFileSync(here(`node_modules/@fontsource/${family}/package.json`), 'utf8')).license;
}

async function build(stem) {
  const library = await import('opentype.js');
  const parse = library.parse ?? library.default.parse;
  const dropped = [];
  const read = (table) => {
    const styles = [];
    for (const category of CATEGORIES) {
      for (const family of table[category]) {
        for (const { style, file } of stylesOf(family, category)) {
          const digits = digitsOf(parse, file);
          if (typeof digits === 'string') dropped.push({ family, style, reason: digits });
          else styles.push({ family, style, category, digits });
        }
      }
    }
    return styles;
  };
  const train = read(TRAIN_FAMILIES);
  const candidates = read(TEST_FAMILIES);
  const copies = new Map();
  for (const style of candidates) {
    const copied = train.find((other) => overlap(style, other) > COPY_OVERLAP);
    if (copied) copies.set(style.family, copied.family);
  }
  for (const [family, original] of copies) {
    dropped.push({ family, style: '(all)', reason: `has the digits of ${original}` });
  }
  const test = candidates.filter(({ family }) => !copies.has(family));
  const flat = (styles) =>
    styles.flatMap(({ family, style, category, digits }) =>
      digits.map((field, digit) => ({ family, style, category, digit, halfWidth: halfWidth(field), field })),
    );
  const entries = [[...flat(train), ...penGlyphs(PEN_WRITERS, PEN_SEED)], flat(test)];
  const withoutField = (list) => list.map((entry) => ({ ...entry, field: undefined }));
  writeFileSync(`${stem}.bin`, Buffer.concat(entries.flat().map(({ field }) => Buffer.from(field.buffer))));
  writeFileSync(
    `${stem}.json`,
    JSON.stringify({ train: withoutField(entries[0]), test: withoutField(entries[1]), dropped }),
  );
}

/** Up to three weights upright and one italic. */
function stylesOf(family, category) {
  const folder = here(`node_modules/@fontsource/${family}/files/`);
  const files = readdirSync(folder);
  const find = (weight, slant) => files.find((name) => name === `${family}-latin-${weight}-${slant}.woff`);
  const wanted = [
    ['400', 'normal'],
    ['300', 'normal'],
    ['700', 'normal'],
    ['400', 'italic'],
  ];
  const found = wanted.flatMap(([weight, slant]) => {
    const name = find(weight, slant);
    return name ? [{ style: `${weight}-${slant}`, file: folder + name }] : [];
  });
  if (found.length > 0) return category === 'handwriting' ? found.slice(0, 3) : found;
  const any = files.find((name) => /-latin-\d+-normal\.woff$/.test(name));
  return any ? [{ style: any.slice(family.length + 7, -5), file: folder + any }] : [];
}

/** Ten fields, or the reason why the font is of no use. */
function digitsOf(parse, file) {
  const bytes = readFileSync(file);
  let font;
  try {
    font = parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  } catch (error) {
    return `unreadable: ${error.message}`;
  }
  const fields = [];
  for (let digit = 0; digit < 10; digit++) {
    if (font.charToGlyphIndex(String(digit)) === 0) return `has no ${digit}`;
    const field = fieldOfPolygons(flatten(font.charToGlyph(String(digit)).getPath(0, 0, 1000).commands));
    if (!field || halfWidth(field) < 0.004) return `draws nothing for ${digit}`;
    fields.push(field);
  }
  for (let a = 0; a < 10; a++) {
    for (let b = 0; b < a; b++) {
      if (similarity(fields[a], fields[b]) > 0.97) return `draws ${a} and ${b} alike`;
    }
  }
  return fields;
}

function overlap(a, b) {
  let sum = 0;
  for (let digit = 0; digit < 10; digit++) {
    sum += similarity(a.digits[digit], b.digits[digit]);
    // The rest cannot lift the mean above the bar any more.
    if (sum + (9 - digit) < 10 * COPY_OVERLAP) return 0;
  }
  return sum / 10;
}

function flatten(commands) {
  const polygons = [];
  let points = [];
  const steps = 8;
  for (const command of commands) {
    const x0 = points.at(-2);
    const y0 = points.at(-1);
    const { type, x, y, x1, y1, x2, y2 } = command;
    if (type === 'M') {
      if (points.length > 4) polygons.push(points);
      points = [x, y];
    } else if (type === 'L') {
      points.push(x, y);
    } else if (type === 'Q') {
      for (let i = 1; i <= steps; i++) {
        const t = i / steps;
        const a = (1 - t) * (1 - t);
        const b = 2 * t * (1 - t);
        points.push(a * x0 + b * x1 + t * t * x, a * y0 + b * y1 + t * t * y);
      }
    } else if (type === 'C') {
      for (let i = 1; i <= steps; i++) {
        const t = i / steps;
        const a = (1 - t) ** 3;
        const b = 3 * t * (1 - t) ** 2;
        const c = 3 * t * t * (1 - t);
        points.push(a * x0 + b * x1 + c * x2 + t ** 3 * x, a * y0 + b * y1 + c * y2 + t ** 3 * y);
      }
    }
  }
  if (points.length > 4) polygons.push(points);
  return polygons;
}
