import { EXTENT, FIELD, RANGE } from './distance-field.mjs';
import { addArtefacts, addNoise, blur, coarsen, quantiseBlocks } from './degrade.mjs';
import { paintGround } from './ground.mjs';

/**
 * How hard a picture is, from 0 (the bare glyph, centred, full contrast) to 1. Every distortion draws its own amount
 * uniformly up to a maximum that grows with it in proportion.
 */
export const LEVELS = { clean: 0, light: 0.3, moderate: 0.6, strong: 1 };

const GRID = 9;

/**
 * One picture of a digit as a camera might deliver it: `size × size` gray values in 0…1, row-major, written to
 * `target`. `fields` holds distance fields of FIELD² bytes, the digit's at `glyph.index`; stray pieces of others come
 * in at the edges.
 */
export function drawPicture(random, fields, glyph, strength, size, target) {
  const s = strength;
  const { pixels: ground, ink, paper } = paintGround(random, s, size);
  const ss = size <= 48 ? 2 : 1;
  const fine = size * ss;
  const coverage = new Float32Array(size * size);
  stamp(random, fields, glyph, s, fine, ss, coverage, size, 0, 0, 1);
  if (random.chance(0.25 * s * s)) {
    // A piece of a neighbouring digit at the border.
    const angle = random.between(0, 2 * Math.PI);
    const other = { index: random.integer(fields.length / (FIELD * FIELD)), halfWidth: 0.05 };
    const away = random.between(0.78, 0.95);
    stamp(
      random,
      fields,
      other,
      s,
      fine,
      ss,
      coverage,
      size,
      away * Math.cos(angle),
      away * Math.sin(angle),
      0.8,
    );
  }
  const grain = 0.5 * s * random.next();
  const fade = 0.35 * s * random.next();
  const light = lighting(random, s, size);
  // A camera sets its exposure by the light there is: no more than a little of the frame may burn out.
  let brightest = 0;
  for (const value of light) if (value > brightest) brightest = value;
  const exposure = Math.min(1, 1.12 / (brightest * Math.max(ink, paper)));
  for (let i = 0; i < target.length; i++) {
    const a = coverage[i] * (1 - fade) * (1 - grain * random.next() * random.next());
    target[i] = (ground[i] + (ink - paper) * a) * light[i] * exposure;
  }
  if (s > 0) {
    addArtefacts(random, s, target, size);
    blur(random, s, target, size);
    addNoise(random, s * (0.35 + 0.65 * Math.abs(ink - paper)), target);
    if (random.chance(0.25 * s)) coarsen(random, s, target, size);
    if (random.chance(0.5 * s)) quantiseBlocks(random, s, target, size);
    expose(random, s, target);
  }
  for (let i = 0; i < target.length; i++) {
    // Cameras and files deliver whole steps of 1/255.
    const value = Math.round(target[i] * 255);
    target[i] = (value < 0 ? 0 : value > 255 ? 255 : value) / 255;
  }
}

/** Warps one glyph into `coverage`: rotation, scale, shear, perspective, shift, elastic distortion, stroke width. */
function stamp(random, fields, glyph, s, fine, ss, coverage, size, centreX, centreY, dim) {
  const height = 0.7 * Math.exp(random.between(-0.62 * s, 0.26 * s));
  const stretch = Math.exp(random.between(-0.28 * s, 0.28 * s));
  const scaleX = height * Math.sqrt(stretch);
  const scaleY = height / Math.sqrt(stretch);
  const angle = random.between(-0.42, 0.42) * s;
  const shear = random.between(-0.3, 0.3) * s;
  const room = Math.max(0.06, (1 - height) / 2);
  const shiftX = centreX + random.between(-1, 1) * s * room;
  const shiftY = centreY + random.between(-1, 1) * s * room;
  const tiltX = random.between(-0.45, 0.45) * s;
  const tiltY = random.between(-0.45, 0.45) * s;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);

  // The elastic field, in glyph units, on a coarse grid over the frame: a few waves of half to two periods.
  const bend = new Float32Array(2 * GRID * GRID);
  const amplitude = 0.045 * s * random.next();
  for (let wave = 0; wave < 4; wave++) {
    const fx = random.between(-9, 9);
    const fy = random.between(-9, 9);
    const phase = random.between(0, 2 * Math.PI);
    const ax = (amplitude * random.normal()) / 1.6;
    const ay = (amplitude * random.normal()) / 1.6;
    for (let i = 0; i < GRID * GRID; i++) {
      const w = Math.sin((fx * (i % GRID) + fy * ((i / GRID) | 0)) / (GRID - 1) + phase);
      bend[2 * i] += ax * w;
      bend[2 * i + 1] += ay * w;
    }
  }

  // A pen that leaves less than about half a pixel would leave nothing.
  const thinnest = 0.022 / Math.max(0.5, height);
  const lift = Math.max(0, thinnest - glyph.halfWidth);
  const thin = -Math.min(0.45 * glyph.halfWidth, 0.04);
  const offset = lift + s * (random.chance(0.5) ? random.between(0, 0.035) : random.between(thin, 0));

  const base = glyph.index * FIELD * FIELD;
  const unit = FIELD / (2 * EXTENT);
  const sharpness = fine * height;
  const share = dim / (ss * ss);
  for (let row = 0; row < fine; row++) {
    const v = (row + 0.5) / fine - 0.5;
    const gy = (v + 0.5) * (GRID - 1);
    const gy0 = Math.min(GRID - 2, gy | 0);
    const wy = gy - gy0;
    for (let column = 0; column < fine; column++) {
      const u = (column + 0.5) / fine - 0.5;
      const gx = (u + 0.5) * (GRID - 1);
      const gx0 = Math.min(GRID - 2, gx | 0);
      const wx = gx - gx0;
      const b = 2 * (gy0 * GRID + gx0);
      const w00 = (1 - wx) * (1 - wy);
      const w10 = wx * (1 - wy);
      const w01 = (1 - wx) * wy;
      const w11 = wx * wy;
      const bendX =
        bend[b] * w00 + bend[b + 2] * w10 + bend[b + 2 * GRID] * w01 + bend[b + 2 * GRID + 2] * w11;
      const bendY =
        bend[b + 1] * w00 + bend[b + 3] * w10 + bend[b + 2 * GRID + 1] * w01 + bend[b + 2 * GRID + 3] * w11;
      const du = u - shiftX;
      const dv = v - shiftY;
      const depth = 1 + tiltX * du + tiltY * dv;
      const px = du / depth;
      const py = dv / depth;
      const rx = cos * px + sin * py;
      const ry = cos * py - sin * px;
      const x = (rx + shear * ry) / scaleX + bendX;
      const y = ry / scaleY + bendY;
      const fx = (x + EXTENT) * unit - 0.5;
      const fy = (y + EXTENT) * unit - 0.5;
      if (fx < 0 || fy < 0 || fx >= FIELD - 1 || fy >= FIELD - 1) continue;
      const x0 = fx | 0;
      const y0 = fy | 0;
      const tx = fx - x0;
      const ty = fy - y0;
      const at = base + y0 * FIELD + x0;
      const top = fields[at] + (fields[at + 1] - fields[at]) * tx;
      const bottom = fields[at + FIELD] + (fields[at + FIELD + 1] - fields[at + FIELD]) * tx;
      const distance = ((top + (bottom - top) * ty) / 127) * RANGE + offset;
      const alpha = 0.5 + distance * sharpness;
      if (alpha <= 0) continue;
      const cell = ((row / ss) | 0) * size + ((column / ss) | 0);
      const sum = coverage[cell] + share * (alpha > 1 ? 1 : alpha);
      coverage[cell] = sum > 1 ? 1 : sum;
    }
  }
}

/** Multiplies: a gradient across the frame, a spot, and now and then the edge of a shadow. */
function lighting(random, s, size) {
  const field = new Float32Array(size * size).fill(1);
  if (s === 0) return field;
  const angle = random.between(0, 2 * Math.PI);
  const slope = 0.8 * s * random.next() * random.next();
  const gx = slope * Math.cos(angle);
  const gy = slope * Math.sin(angle);
  const spotX = random.between(-0.5, 0.5);
  const spotY = random.between(-0.5, 0.5);
  const spot = random.chance(0.4) ? random.between(-0.35, 0.45) * s : 0;
  const radius = random.between(0.2, 0.6);
  const shadow = random.chance(0.3 * s) ? random.between(0.1, 0.5) * s : 0;
  const edge = random.between(0, 2 * Math.PI);
  const edgeX = Math.cos(edge);
  const edgeY = Math.sin(edge);
  const edgeAt = random.between(-0.35, 0.35);
  const softness = random.between(0.01, 0.2);
  for (let row = 0; row < size; row++) {
    const v = (row + 0.5) / size - 0.5;
    for (let column = 0; column < size; column++) {
      const u = (column + 0.5) / size - 0.5;
      let value = 1 + gx * u + gy * v;
      if (spot !== 0) {
        const square = (u - spotX) ** 2 + (v - spotY) ** 2;
        value *= 1 + spot * Math.exp(-square / (2 * radius * radius));
      }
      if (shadow !== 0) {
        const side = (edgeX * u + edgeY * v - edgeAt) / softness;
        value *= 1 - shadow / (1 + Math.exp(-side));
      }
      field[row * size + column] = value;
    }
  }
  return field;
}

/** Gamma, and sometimes the levels that an automatic exposure would choose. */
function expose(random, s, target) {
  const gamma = Math.exp(random.between(-0.5, 0.5) * s);
  let low = 1;
  let high = 0;
  for (const value of target) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const automatic = random.chance(0.3) && high - low > 0.15;
  for (let i = 0; i < target.length; i++) {
    let value = target[i];
    if (automatic) value = (value - low) / (high - low);
    target[i] = value <= 0 ? 0 : value >= 1 ? 1 : Math.pow(value, gamma);
  }
}
