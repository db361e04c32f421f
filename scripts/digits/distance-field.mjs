/**
 * A glyph as a signed distance field: positive inside, in units of the glyph's height, sampled on a FIELD × FIELD grid
 * that spans [-EXTENT, EXTENT]² around the middle of its bounding box. Stroke width is then an offset and any warp is
 * a lookup.
 */
export const FIELD = 128;
export const EXTENT = 0.75;
/** Distances beyond this are clipped; int8 steps are RANGE / 127. */
export const RANGE = 0.25;

const FINE = 2 * FIELD;
const FAR = 1e20;

/** `polygons`: closed outlines `[x0, y0, x1, y1, …]` in any unit, y downwards, filled by the nonzero rule. */
export function fieldOfPolygons(polygons) {
  const box = boundsOf(polygons);
  if (!box) return undefined;
  const scale = 1 / Math.max(box.height, box.width / 1.15);
  const placed = polygons.map((points) =>
    points.map((value, i) => (value - (i % 2 ? box.middleY : box.middleX)) * scale),
  );
  return fieldOfMask(fill(placed));
}

/** `polylines` as a round pen of radius `radius` leaves them, in the units of the field (height 1). */
export function fieldOfStrokes(polylines, radius) {
  const box = boundsOf(polylines);
  const scale = (1 - 2 * radius) / Math.max(box.height, box.width / 1.15, 0.05);
  const placed = polylines.map((points) =>
    points.map((value, i) => (value - (i % 2 ? box.middleY : box.middleX)) * scale),
  );
  const field = new Int8Array(FIELD * FIELD);
  for (let row = 0; row < FIELD; row++) {
    const y = ((row + 0.5) / FIELD) * 2 * EXTENT - EXTENT;
    for (let column = 0; column < FIELD; column++) {
      const x = ((column + 0.5) / FIELD) * 2 * EXTENT - EXTENT;
      let nearest = FAR;
      for (const points of placed) {
        for (let i = 0; i + 3 < points.length; i += 2) {
          const ax = points[i];
          const ay = points[i + 1];
          const dx = points[i + 2] - ax;
          const dy = points[i + 3] - ay;
          const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-12);
          const t = along < 0 ? 0 : along > 1 ? 1 : along;
          const ex = x - ax - t * dx;
          const ey = y - ay - t * dy;
          const square = ex * ex + ey * ey;
          if (square < nearest) nearest = square;
        }
      }
      field[row * FIELD + column] = quantise(radius - Math.sqrt(nearest));
    }
  }
  return field;
}

/** Half the width of the thickest stroke, in units of the glyph's height. */
export function halfWidth(field) {
  let most = -127;
  for (const value of field) if (value > most) most = value;
  return (most / 127) * RANGE;
}

/** Overlap of the insides of two fields, 0…1. */
export function similarity(a, b) {
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.length; i++) {
    const inA = a[i] > 0;
    const inB = b[i] > 0;
    if (inA && inB) both += 1;
    if (inA || inB) either += 1;
  }
  return either === 0 ? 0 : both / either;
}

function quantise(distance) {
  const level = Math.round((distance / RANGE) * 127);
  return level < -127 ? -127 : level > 127 ? 127 : level;
}

function boundsOf(outlines) {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (const points of outlines) {
    for (let i = 0; i < points.length; i += 2) {
      left = Math.min(left, points[i]);
      right = Math.max(right, points[i]);
      top = Math.min(top, points[i + 1]);
      bottom = Math.max(bottom, points[i + 1]);
    }
  }
  if (!(right >= left)) return undefined;
  return {
    width: right - left,
    height: bottom - top,
    middleX: (left + right) / 2,
    middleY: (top + bottom) / 2,
  };
}

function fill(polygons) {
  const mask = new Uint8Array(FINE * FINE);
  const toGrid = FINE / (2 * EXTENT);
  for (let row = 0; row < FINE; row++) {
    const y = (row + 0.5) / toGrid - EXTENT;
    const crossings = [];
    for (const points of polygons) {
      const count = points.length / 2;
      for (let i = 0; i < count; i++) {
        const j = (i + 1) % count;
        const y0 = points[2 * i + 1];
        const y1 = points[2 * j + 1];
        if (y0 <= y === y1 <= y) continue;
        const x = points[2 * i] + ((y - y0) / (y1 - y0)) * (points[2 * j] - points[2 * i]);
        crossings.push([x, y1 > y0 ? 1 : -1]);
      }
    }
    crossings.sort((a, b) => a[0] - b[0]);
    let winding = 0;
    for (let i = 0; i + 1 < crossings.length; i++) {
      winding += crossings[i][1];
      if (winding === 0) continue;
      const start = Math.max(0, Math.ceil((crossings[i][0] + EXTENT) * toGrid - 0.5));
      const end = Math.min(FINE - 1, Math.floor((crossings[i + 1][0] + EXTENT) * toGrid - 0.5));
      for (let column = start; column <= end; column++) mask[row * FINE + column] = 1;
    }
  }
  return mask;
}

function fieldOfMask(mask) {
  const toInside = squaredDistances(mask, 1);
  const toOutside = squaredDistances(mask, 0);
  const unit = (2 * EXTENT) / FINE;
  const field = new Int8Array(FIELD * FIELD);
  for (let row = 0; row < FIELD; row++) {
    for (let column = 0; column < FIELD; column++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) {
        const at = (2 * row + (k >> 1)) * FINE + 2 * column + (k & 1);
        // Distances run to pixel centres; the edge lies half a pixel before.
        sum += mask[at] ? Math.sqrt(toOutside[at]) - 0.5 : 0.5 - Math.sqrt(toInside[at]);
      }
      field[row * FIELD + column] = quantise((sum / 4) * unit);
    }
  }
  return field;
}

/** Exact squared Euclidean distance to the nearest pixel of `value` (Felzenszwalb and Huttenlocher, 2012). */
function squaredDistances(mask, value) {
  const grid = new Float64Array(FINE * FINE);
  for (let i = 0; i < grid.length; i++) grid[i] = mask[i] === value ? 0 : FAR;
  const line = new Float64Array(FINE);
  const parabola = new Int32Array(FINE);
  const edge = new Float64Array(FINE + 1);
  const pass = (base, stride) => {
    for (let i = 0; i < FINE; i++) line[i] = grid[base + i * stride];
    let k = 0;
    parabola[0] = 0;
    edge[0] = -FAR;
    edge[1] = FAR;
    for (let q = 1; q < FINE; q++) {
      let s;
      for (;;) {
        const p = parabola[k];
        s = (line[q] + q * q - line[p] - p * p) / (2 * q - 2 * p);
        if (s > edge[k] || k === 0) break;
        k -= 1;
      }
      if (s <= edge[k]) {
        parabola[k] = q;
        edge[k + 1] = FAR;
        continue;
      }
      k += 1;
      parabola[k] = q;
      edge[k] = s;
      edge[k + 1] = FAR;
    }
    k = 0;
    for (let q = 0; q < FINE; q++) {
      while (edge[k + 1] < q) k += 1;
      const p = parabola[k];
      grid[base + q * stride] = (q - p) * (q - p) + line[p];
    }
  };
  for (let column = 0; column < FINE; column++) pass(column, FINE);
  for (let row = 0; row < FINE; row++) pass(row * FINE, 1);
  return grid;
}
