/**
 * What the digit is written on: `{ pixels, ink, paper }`, gray values of size × size and the two levels between which
 * the ink moves a pixel. Plain, textured, ruled or squared paper, a sheet held before a scene, or clutter behind glass.
 */
export function paintGround(random, s, size) {
  const pixels = new Float32Array(size * size);
  if (s === 0) {
    const dark = random.chance(0.5);
    pixels.fill(dark ? 1 : 0);
    return { pixels, ink: dark ? 0 : 1, paper: dark ? 1 : 0 };
  }
  const { ink, paper } = levels(random, s);
  pixels.fill(paper);
  const contrast = Math.abs(ink - paper);
  if (random.chance(0.6)) texture(random, pixels, size, 0.35 * s * contrast * random.next());
  if (random.chance(0.3 * s)) rule(random, pixels, size, ink, paper);
  if (random.chance(0.4 * s)) clutter(random, pixels, size, 0.4 * s * contrast);
  if (random.chance(0.35 * s)) scene(random, pixels, size);
  return { pixels, ink, paper };
}

/** Dark ink on light paper more often than the inverse; contrast from full down to 0.25 at strength 1. */
function levels(random, s) {
  const least = 1 - 0.75 * s;
  const contrast = random.between(least, 1);
  const low = random.between(0, 1 - contrast);
  return random.chance(0.62) ? { ink: low, paper: low + contrast } : { ink: low + contrast, paper: low };
}

/** Two octaves of smooth noise. */
function texture(random, pixels, size, amplitude) {
  for (const cells of [3 + random.integer(4), 8 + random.integer(10)]) {
    const grid = Float32Array.from({ length: (cells + 1) * (cells + 1) }, () => random.between(-1, 1));
    for (let row = 0; row < size; row++) {
      const y = (row / size) * cells;
      const y0 = y | 0;
      for (let column = 0; column < size; column++) {
        const x = (column / size) * cells;
        const x0 = x | 0;
        const at = y0 * (cells + 1) + x0;
        const top = grid[at] + (grid[at + 1] - grid[at]) * (x - x0);
        const bottom = grid[at + cells + 1] + (grid[at + cells + 2] - grid[at + cells + 1]) * (x - x0);
        pixels[row * size + column] += 0.6 * amplitude * (top + (bottom - top) * (y - y0));
      }
    }
  }
}

/** Lines of a notebook, one way or both, paler and thinner than ink. */
function rule(random, pixels, size, ink, paper) {
  const angle = random.between(-0.3, 0.3);
  const pitch = random.between(0.12, 0.4);
  const phase = random.next();
  const width = random.between(0.008, 0.022);
  const depth = random.between(0.12, 0.45) * (ink - paper);
  const squared = random.chance(0.4);
  const soft = 1 / size;
  for (let row = 0; row < size; row++) {
    const v = row / size - 0.5;
    for (let column = 0; column < size; column++) {
      const u = column / size - 0.5;
      const across = Math.cos(angle) * v - Math.sin(angle) * u;
      const along = Math.cos(angle) * u + Math.sin(angle) * v;
      let cover = line(across, pitch, phase, width, soft);
      if (squared) cover = Math.max(cover, line(along, pitch, phase, width, soft));
      pixels[row * size + column] += depth * cover;
    }
  }
}

function line(position, pitch, phase, width, soft) {
  const t = position / pitch + phase;
  const distance = Math.abs(t - Math.round(t)) * pitch;
  const cover = 0.5 + (width / 2 - distance) / soft;
  return cover <= 0 ? 0 : cover >= 1 ? 1 : cover * Math.min(1, width / soft);
}

/** Blots, bars and rectangles of low contrast. */
function clutter(random, pixels, size, amplitude) {
  const count = 1 + random.integer(5);
  for (let i = 0; i < count; i++) {
    const depth = random.between(-1, 1) * amplitude;
    const x = random.between(-0.5, 0.5);
    const y = random.between(-0.5, 0.5);
    const angle = random.between(0, Math.PI);
    const halfLong = random.between(0.05, 0.5);
    const halfShort = random.chance(0.5) ? random.between(0.01, 0.04) : random.between(0.05, 0.3);
    const round = random.chance(0.4);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    for (let row = 0; row < size; row++) {
      const v = row / size - 0.5 - y;
      for (let column = 0; column < size; column++) {
        const u = column / size - 0.5 - x;
        const a = (cos * u + sin * v) / halfLong;
        const b = (cos * v - sin * u) / halfShort;
        if (round ? a * a + b * b < 1 : Math.abs(a) < 1 && Math.abs(b) < 1)
          pixels[row * size + column] += depth;
      }
    }
  }
}

/** Keeps the paper as a tilted sheet in the middle and puts a scene around it. */
function scene(random, pixels, size) {
  const around = new Float32Array(size * size).fill(random.next());
  texture(random, around, size, random.between(0, 0.6));
  clutter(random, around, size, random.between(0, 0.5));
  const angle = random.between(-0.2, 0.2);
  const margins = Array.from({ length: 4 }, () => random.between(0.4, 0.56));
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const soft = 1.2 / size;
  for (let row = 0; row < size; row++) {
    const v = (row + 0.5) / size - 0.5;
    for (let column = 0; column < size; column++) {
      const u = (column + 0.5) / size - 0.5;
      const a = cos * u + sin * v;
      const b = cos * v - sin * u;
      const inside = Math.min(margins[0] - a, margins[1] + a, margins[2] - b, margins[3] + b) / soft + 0.5;
      const cover = inside <= 0 ? 0 : inside >= 1 ? 1 : inside;
      const at = row * size + column;
      pixels[at] = pixels[at] * cover + around[at] * (1 - cover);
    }
  }
}
