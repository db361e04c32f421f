import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClassifier } from './classify.mjs';
import { createSampler } from './dataset.mjs';
import { decodeSafetensors } from './model-file.mjs';
import { SIZE } from './network.mjs';
import { LEVELS, drawPicture } from './picture.mjs';
import { mixSeeds, seededRandom } from './random.mjs';

const TEST_SEED = 20_240_601;
const BATCH = 64;

/**
 * Accuracy on fonts that were never trained on: per level `perGroup` print and as many handwriting pictures, every
 * family equally often, every digit equally often.
 * Per level, shares of right answers by `all`, `print`, `handwriting`, `category …`, `digit …` and `family …`.
 */
export function measureFonts(module, model, { glyphs, fields }, perGroup = 6000) {
  const classifier = createClassifier(module, model, BATCH);
  const sample = createSampler(glyphs);
  const result = {};
  for (const [index, [level, strength]] of Object.entries(LEVELS).entries()) {
    const random = seededRandom(mixSeeds(TEST_SEED, index));
    const tally = new Map();
    const count = (key, right) => {
      const entry = tally.get(key) ?? { right: 0, of: 0 };
      entry.right += right;
      entry.of += 1;
      tally.set(key, entry);
    };
    for (const group of ['print', 'handwriting']) {
      for (let start = 0; start < perGroup; start += BATCH) {
        const size = Math.min(BATCH, perGroup - start);
        const drawn = [];
        for (let b = 0; b < size; b++) {
          const glyph = sample(random, (start + b) % 10, group);
          drawPicture(
            random,
            fields,
            glyph,
            strength,
            SIZE,
            classifier.images.subarray(b * SIZE * SIZE, (b + 1) * SIZE * SIZE),
          );
          drawn.push(glyph);
        }
        classifier.decide(size).forEach((digit, b) => {
          const right = digit === drawn[b].digit ? 1 : 0;
          count('all', right);
          count(group, right);
          count(`category ${drawn[b].category}`, right);
          count(`digit ${drawn[b].digit}`, right);
          count(`family ${drawn[b].family}`, right);
        });
      }
    }
    result[level] = Object.fromEntries([...tally].map(([key, { right, of }]) => [key, right / of]));
  }
  return result;
}

/** Real handwriting, when it is at hand: 14 × 14 MNIST, enlarged. Never trained on. */
export function measureMnist(module, model) {
  const root =
    process.env.PEERCEPTRON_REALDATA ?? fileURLToPath(new URL('../../../shared/realdata', import.meta.url));
  const path = `${root}/safetensors/mnist.safetensors`;
  if (!existsSync(path)) return undefined;
  const tensors = decodeSafetensors(readFileSync(path));
  const classifier = createClassifier(module, model, BATCH);
  const accuracy = (part) => {
    const pixels = tensors.get(`X${part}`);
    const labels = tensors.get(`Y${part}`);
    const side = Math.sqrt(pixels.shape[1]);
    const most = pixels.bytes.reduce((a, b) => Math.max(a, b), 0);
    const total = pixels.shape[0];
    let right = 0;
    for (let start = 0; start < total; start += BATCH) {
      const size = Math.min(BATCH, total - start);
      for (let b = 0; b < size; b++) {
        const at = (start + b) * side * side;
        enlarge(
          pixels.bytes.subarray(at, at + side * side),
          side,
          most,
          classifier.images.subarray(b * SIZE * SIZE, (b + 1) * SIZE * SIZE),
        );
      }
      classifier.decide(size).forEach((digit, b) => {
        right += labels.bytes[(start + b) * 10 + digit] > 0 ? 1 : 0;
      });
    }
    return { accuracy: right / total, of: total };
  };
  return { test: accuracy('test'), train: accuracy('train') };
}

function enlarge(source, side, most, target) {
  for (let row = 0; row < SIZE; row++) {
    const y = Math.min(side - 1.001, Math.max(0, ((row + 0.5) * side) / SIZE - 0.5));
    for (let column = 0; column < SIZE; column++) {
      const x = Math.min(side - 1.001, Math.max(0, ((column + 0.5) * side) / SIZE - 0.5));
      const at = (y | 0) * side + (x | 0);
      const top = source[at] + (source[at + 1] - source[at]) * (x % 1);
      const bottom = source[at + side] + (source[at + side + 1] - source[at + side]) * (x % 1);
      target[row * SIZE + column] = (top + (bottom - top) * (y % 1)) / most;
    }
  }
}

const ROWS = [
  'all',
  'print',
  'handwriting',
  ...['serif', 'sans', 'mono', 'slab', 'display'].map((c) => `category ${c}`),
];

/** The table that goes to the terminal and, as it is, into the documentation. */
export function formatFigures(figures, mnist) {
  const levels = Object.keys(figures);
  const percent = (value) => `${(100 * value).toFixed(2)} %`;
  const lines = [`| | ${levels.join(' | ')} |`, `|---|${levels.map(() => '--:|').join('')}`];
  for (const row of ROWS) {
    lines.push(
      `| ${row.replace('category ', '… ')} | ${levels.map((level) => percent(figures[level][row])).join(' | ')} |`,
    );
  }
  if (mnist) {
    lines.push(
      '',
      `MNIST, real handwriting (14 × 14, enlarged; not trained on): ${percent(mnist.test.accuracy)} of its ${mnist.test.of} test images, ${percent(mnist.train.accuracy)} of its ${mnist.train.of} training images.`,
    );
  } else {
    lines.push('', 'MNIST: skipped, its file is not here.');
  }
  return lines.join('\n');
}
