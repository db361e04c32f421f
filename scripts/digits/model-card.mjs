import { statSync, writeFileSync } from 'node:fs';
import { CATEGORIES, TEST_FAMILIES, TRAIN_FAMILIES } from './fonts.mjs';
import { licenceOf } from './glyphs.mjs';
import { MODEL_FOLDER } from './model-file.mjs';
import { CONVS, HIDDEN, SIZE } from './network.mjs';

/** Writes the model's `README.md`: what it is, how it was trained, its figures, and the fonts with their licences. */
export function writeModelCard({ figures, settings, counts }) {
  const sizeBytes = statSync(`${MODEL_FOLDER}weights.safetensors`).size;
  const convs = CONVS.map(
    ({ name, kernel, channels, pool }) => `${name} ${kernel}×${kernel}→${channels}${pool ? ', pool' : ''}`,
  ).join(' · ');
  const pictures = settings.steps * settings.batch * settings.lanes;
  writeFileSync(
    `${MODEL_FOLDER}README.md`,
    `# digits

Reads one printed or handwritten digit in a gray picture of ${SIZE} × ${SIZE} (value / 255; dark on light or light on dark) and
gives ten probabilities. ${convs} · dense ${HIDDEN} · dense 10; relu in between, batch norms folded in.
Weights: ${(sizeBytes / 1000).toFixed(0)} kB. The digit should fill about 40–90 % of the picture's height.

| file | holds |
|---|---|
| \`graph.json\` | the graph, its image encoding and labels |
| \`weights.safetensors\` | float32 weights |
| \`samples/\` | pictures to try; the digit is the first character of the name. Drawn in fonts that the model never saw |

## Training

\`node scripts/digits/train.mjs --steps ${settings.steps}\` draws the digits of ${counts.train} and of ${counts.pens} made-up pens, distorts every
picture anew, and trains on ${pictures.toLocaleString('en-GB')} pictures (Adam with weight decay, cosine schedule, seed ${settings.seed}). Nothing of MNIST or any other
collection of pictures went in. \`docs/digits.md\` describes pictures, levels and test.

## Accuracy on fonts that it never saw

${counts.test}; half of the pictures print, half handwriting, every family and digit equally often.

${figures}

## Licences

The weights and samples are under the licence of this project. The fonts were used to draw pictures and are not
contained here. All come from \`@fontsource\` packages:

${licenceTable()}
`,
  );
}

function licenceTable() {
  const lines = ['| side | category | licence | families |', '|---|---|---|---|'];
  for (const [side, table] of [
    ['training', TRAIN_FAMILIES],
    ['test', TEST_FAMILIES],
  ]) {
    for (const category of CATEGORIES) {
      const byLicence = new Map();
      for (const family of table[category]) {
        const licence = licenceOf(family);
        byLicence.set(licence, [...(byLicence.get(licence) ?? []), family]);
      }
      for (const [licence, families] of byLicence) {
        lines.push(`| ${side} | ${category} | ${licence} | ${families.join(', ')} |`);
      }
    }
  }
  return lines.join('\n');
}
