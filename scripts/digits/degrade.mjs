/** What optics, sensor and file format do to a picture; all work in place on size × size values. */

/** A scratch or a crease over everything. */
export function addArtefacts(random, s, pixels, size) {
  if (!random.chance(0.15 * s)) return;
  const angle = random.between(0, Math.PI);
  const offset = random.between(-0.4, 0.4);
  const width = random.between(0.008, 0.025);
  const level = random.next();
  const opacity = random.between(0.2, 0.8);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const u = column / size - 0.5;
      const v = row / size - 0.5;
      const distance = Math.abs(Math.cos(angle) * u + Math.sin(angle) * v - offset);
      const at = row * size + column;
      if (distance < width) pixels[at] += (level - pixels[at]) * opacity;
    }
  }
}

/** Out of focus (Gaussian), or moved (a straight smear). Up to 1.1 pixels of sigma at 32 pixels. */
export function blur(random, s, pixels, size) {
  const sigma = 0.034 * size * s * Math.pow(random.next(), 1.5);
  if (sigma < 0.25) return;
  const reach = Math.ceil(2.5 * sigma);
  if (random.chance(0.25)) {
    const angle = random.between(0, Math.PI);
    const taps = 2 * reach + 1;
    const source = Float32Array.from(pixels);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        let sum = 0;
        for (let k = 0; k < taps; k++) {
          const along = ((k - reach) / reach) * 1.7 * sigma;
          sum += bilinear(source, size, column + along * Math.cos(angle), row + along * Math.sin(angle));
        }
        pixels[row * size + column] = sum / taps;
      }
    }
    return;
  }
  const kernel = new Float32Array(2 * reach + 1);
  let total = 0;
  for (let k = -reach; k <= reach; k++) total += kernel[k + reach] = Math.exp((-k * k) / (2 * sigma * sigma));
  const line = new Float32Array(size);
  const pass = (base, stride) => {
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let k = -reach; k <= reach; k++) {
        const j = i + k < 0 ? 0 : i + k >= size ? size - 1 : i + k;
        sum += kernel[k + reach] * pixels[base + j * stride];
      }
      line[i] = sum / total;
    }
    for (let i = 0; i < size; i++) pixels[base + i * stride] = line[i];
  };
  for (let row = 0; row < size; row++) pass(row * size, 1);
  for (let column = 0; column < size; column++) pass(column, size);
}

/** Enlarged from a smaller picture, of half the size at least, as a crop of a camera's picture often is. */
export function coarsen(random, s, pixels, size) {
  const small = Math.max(8, Math.round(size / (1 + s * random.next())));
  if (small >= size) return;
  const shrunk = new Float32Array(small * small);
  const ratio = size / small;
  for (let row = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      // Two taps each way: enough for a ratio of at most two.
      let sum = 0;
      for (let k = 0; k < 4; k++) {
        const x = (column + 0.25 + 0.5 * (k & 1)) * ratio - 0.5;
        const y = (row + 0.25 + 0.5 * (k >> 1)) * ratio - 0.5;
        sum += bilinear(pixels, size, x, y);
      }
      shrunk[row * small + column] = sum / 4;
    }
  }
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = (column + 0.5) / ratio - 0.5;
      const y = (row + 0.5) / ratio - 0.5;
      pixels[row * size + column] = bilinear(shrunk, small, x, y);
    }
  }
}

function bilinear(source, size, x, y) {
  const limit = size - 1.001;
  const cx = x < 0 ? 0 : x > limit ? limit : x;
  const cy = y < 0 ? 0 : y > limit ? limit : y;
  const x0 = cx | 0;
  const y0 = cy | 0;
  const at = y0 * size + x0;
  const top = source[at] + (source[at + 1] - source[at]) * (cx - x0);
  const bottom = source[at + size] + (source[at + size + 1] - source[at + size]) * (cx - x0);
  return top + (bottom - top) * (cy - y0);
}

/** Sensor noise of up to 0.09 (standard deviation), and now and then dead or hot pixels. */
export function addNoise(random, s, pixels) {
  const sigma = 0.09 * s * random.next();
  // The sum of three uniform numbers is near enough to normal, and cheap.
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] += sigma * 2 * (random.next() + random.next() + random.next() - 1.5);
  }
  if (!random.chance(0.15 * s)) return;
  const density = 0.03 * s * random.next();
  for (let i = 0; i < pixels.length; i++) if (random.chance(density)) pixels[i] = random.chance(0.5) ? 0 : 1;
}

const COSINES = Float32Array.from({ length: 64 }, (_, i) => {
  const frequency = i >> 3;
  return (
    Math.cos(((2 * (i & 7) + 1) * frequency * Math.PI) / 16) * (frequency === 0 ? Math.sqrt(1 / 8) : 0.5)
  );
});
/** Luminance table of the JPEG standard (ITU-T T.81, table K.1). */
const QUANTISATION = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
  29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103,
  121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/** The 8 × 8 blocks of a JPEG file of quality 90 down to 30. */
export function quantiseBlocks(random, s, pixels, size) {
  const quality = 90 - 60 * s * random.next();
  const factor = (quality < 50 ? 50 / quality : 2 - quality / 50) / 255;
  const block = new Float32Array(64);
  const half = new Float32Array(64);
  for (let top = 0; top + 8 <= size; top += 8) {
    for (let left = 0; left + 8 <= size; left += 8) {
      for (let i = 0; i < 64; i++) block[i] = pixels[(top + (i >> 3)) * size + left + (i & 7)] - 0.5;
      for (let r = 0; r < 8; r++) {
        for (let f = 0; f < 8; f++) {
          let sum = 0;
          for (let x = 0; x < 8; x++) sum += block[r * 8 + x] * COSINES[f * 8 + x];
          half[r * 8 + f] = sum;
        }
      }
      for (let f = 0; f < 8; f++) {
        for (let g = 0; g < 8; g++) {
          let sum = 0;
          for (let y = 0; y < 8; y++) sum += half[y * 8 + f] * COSINES[g * 8 + y];
          const step = QUANTISATION[g * 8 + f] * factor;
          block[g * 8 + f] = Math.round(sum / step) * step;
        }
      }
      for (let g = 0; g < 8; g++) {
        for (let x = 0; x < 8; x++) {
          let sum = 0;
          for (let f = 0; f < 8; f++) sum += block[g * 8 + f] * COSINES[f * 8 + x];
          half[g * 8 + x] = sum;
        }
      }
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 8; x++) {
          let sum = 0;
          for (let g = 0; g < 8; g++) sum += half[g * 8 + x] * COSINES[g * 8 + y];
          pixels[(top + y) * size + left + x] = sum + 0.5;
        }
      }
    }
  }
}
