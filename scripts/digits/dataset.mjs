import { drawPicture } from './picture.mjs';

/** Share of training pictures by where the shape comes from. */
const SHARES = [
  ['handwriting', 0.34],
  ['pen', 0.18],
  ['print', 0.48],
];

const groupOf = (category) => (category === 'handwriting' || category === 'pen' ? category : 'print');

/**
 * Draws glyphs so that every family of a category is as likely as any other, whatever its number of styles, and the
 * print categories share in proportion to their families.
 */
export function createSampler(glyphs) {
  const groups = { handwriting: new Map(), pen: new Map(), print: new Map() };
  glyphs.forEach((glyph, index) => {
    const group = groups[groupOf(glyph.category)];
    if (!group.has(glyph.family))
      group.set(
        glyph.family,
        Array.from({ length: 10 }, () => []),
      );
    group.get(glyph.family)[glyph.digit].push({ index, ...glyph });
  });
  const lists = Object.fromEntries(
    Object.entries(groups).map(([group, families]) => [group, [...families.values()]]),
  );
  return (random, digit, group = pickGroup(random)) => {
    const families = lists[group];
    const styles = families[random.integer(families.length)][digit];
    return styles[random.integer(styles.length)];
  };
}

function pickGroup(random) {
  let rest = random.next();
  for (const [group, share] of SHARES) if ((rest -= share) < 0) return group;
  return 'print';
}

/**
 * A pool of training pictures that is renewed slot by slot; drawing one costs about as much as learning from it, so each
 * is used about twice.
 */
export function createPool(random, { glyphs, fields }, size, slots) {
  const pixels = new Float32Array(slots * size * size);
  const labels = new Uint8Array(slots);
  const sample = createSampler(glyphs);
  let next = 0;
  const renew = (count) => {
    for (let i = 0; i < count; i++) {
      const digit = random.integer(10);
      const strength = random.chance(0.04) ? 0 : random.between(0.1, 1);
      const slot = pixels.subarray(next * size * size, (next + 1) * size * size);
      drawPicture(random, fields, sample(random, digit), strength, size, slot);
      labels[next] = digit;
      next = (next + 1) % slots;
    }
  };
  renew(slots);
  return {
    renew,
    take(images, batchLabels) {
      for (let b = 0; b < batchLabels.length; b++) {
        const slot = random.integer(slots);
        images.set(pixels.subarray(slot * size * size, (slot + 1) * size * size), b * size * size);
        batchLabels[b] = labels[slot];
      }
    },
  };
}
