import { fieldOfStrokes, halfWidth } from './distance-field.mjs';
import { mixSeeds, seededRandom } from './random.mjs';

/**
 * Digits as pens write them, beyond what fonts for handwriting show: unsteady, open or overshooting, in the variants
 * that people learn at school. Strokes are lists of control points in a box of 1 × 1, y downwards; `s` marks a smooth
 * curve through its points, `l` straight lines.
 */
const s = (...points) => ({ smooth: true, points });
const l = (...points) => ({ smooth: false, points });

const SHAPES = [
  [
    [
      s(
        [0.55, 0],
        [0.2, 0.15],
        [0.08, 0.5],
        [0.2, 0.87],
        [0.5, 1],
        [0.82, 0.85],
        [0.92, 0.5],
        [0.8, 0.13],
        [0.5, 0],
      ),
    ],
    [
      s(
        [0.7, 0.05],
        [0.4, 0],
        [0.12, 0.3],
        [0.1, 0.7],
        [0.4, 1],
        [0.75, 0.85],
        [0.85, 0.5],
        [0.75, 0.15],
        [0.4, 0.03],
      ),
    ],
    [
      s(
        [0.4, 0.02],
        [0.75, 0.1],
        [0.92, 0.5],
        [0.75, 0.9],
        [0.45, 1],
        [0.15, 0.8],
        [0.1, 0.45],
        [0.25, 0.12],
        [0.55, 0],
      ),
    ],
  ],
  [
    [l([0.5, 0], [0.5, 1])],
    [l([0.55, 0], [0.5, 0.5], [0.5, 1])],
    [l([0.25, 0.25], [0.5, 0], [0.5, 1])],
    [l([0.1, 0.4], [0.55, 0], [0.55, 1])],
    [l([0.25, 0.22], [0.5, 0], [0.5, 1]), l([0.22, 1], [0.78, 1])],
    [s([0.3, 0.2], [0.45, 0.1], [0.53, 0], [0.52, 0.4], [0.5, 1])],
  ],
  [
    [
      s([0.1, 0.25], [0.3, 0.03], [0.62, 0.01], [0.85, 0.2], [0.75, 0.48], [0.4, 0.77], [0.06, 1]),
      l([0.06, 1], [0.95, 0.97]),
    ],
    [
      s(
        [0.12, 0.2],
        [0.4, 0],
        [0.75, 0.1],
        [0.8, 0.35],
        [0.5, 0.72],
        [0.15, 0.98],
        [0.06, 0.86],
        [0.25, 0.8],
        [0.55, 0.94],
        [0.95, 0.95],
      ),
    ],
    [
      s([0.15, 0.15], [0.5, 0], [0.8, 0.2], [0.6, 0.6], [0.12, 0.98]),
      s([0.12, 0.98], [0.35, 0.92], [0.6, 1], [0.9, 0.92]),
    ],
  ],
  [
    [
      s([0.1, 0.12], [0.42, 0], [0.78, 0.12], [0.72, 0.36], [0.38, 0.46]),
      s([0.38, 0.46], [0.8, 0.55], [0.9, 0.77], [0.6, 0.98], [0.25, 0.99], [0.05, 0.85]),
    ],
    [
      l([0.1, 0.02], [0.82, 0], [0.4, 0.42]),
      s([0.4, 0.42], [0.78, 0.48], [0.9, 0.72], [0.65, 0.97], [0.28, 1], [0.06, 0.86]),
    ],
    [
      s(
        [0.15, 0.06],
        [0.5, 0],
        [0.8, 0.15],
        [0.7, 0.38],
        [0.45, 0.47],
        [0.75, 0.54],
        [0.88, 0.75],
        [0.6, 1],
        [0.1, 0.93],
      ),
    ],
  ],
  [
    [l([0.3, 0], [0.08, 0.6], [0.92, 0.58]), l([0.7, 0.25], [0.65, 1])],
    [l([0.65, 0], [0.05, 0.66], [0.95, 0.66]), l([0.65, 0], [0.65, 1])],
    [s([0.12, 0], [0.08, 0.35], [0.25, 0.52], [0.78, 0.46]), l([0.8, 0.02], [0.75, 1])],
    [l([0.68, 1], [0.7, 0], [0.05, 0.7], [0.98, 0.68])],
    [l([0.2, 0.02], [0.15, 0.5], [0.85, 0.5]), l([0.8, 0], [0.78, 1])],
  ],
  [
    [
      l([0.85, 0], [0.25, 0.02], [0.18, 0.43]),
      s([0.18, 0.43], [0.5, 0.35], [0.86, 0.52], [0.84, 0.82], [0.5, 1], [0.08, 0.9]),
    ],
    [
      l([0.22, 0.03], [0.2, 0.42]),
      s([0.2, 0.42], [0.55, 0.38], [0.85, 0.6], [0.7, 0.93], [0.35, 1], [0.05, 0.9]),
      l([0.2, 0.03], [0.9, 0]),
    ],
    [s([0.9, 0.02], [0.4, 0.04], [0.25, 0.3], [0.5, 0.42], [0.82, 0.62], [0.65, 0.95], [0.15, 0.97])],
  ],
  [
    [
      s(
        [0.75, 0.02],
        [0.4, 0.2],
        [0.15, 0.55],
        [0.17, 0.87],
        [0.45, 1],
        [0.8, 0.85],
        [0.75, 0.6],
        [0.45, 0.53],
        [0.17, 0.74],
      ),
    ],
    [
      s(
        [0.45, 0],
        [0.22, 0.35],
        [0.13, 0.75],
        [0.4, 1],
        [0.78, 0.88],
        [0.75, 0.65],
        [0.45, 0.58],
        [0.15, 0.8],
      ),
    ],
    [
      s(
        [0.85, 0.08],
        [0.55, 0.02],
        [0.2, 0.3],
        [0.1, 0.7],
        [0.35, 0.98],
        [0.75, 0.93],
        [0.85, 0.7],
        [0.6, 0.5],
        [0.25, 0.6],
        [0.13, 0.72],
      ),
    ],
  ],
  [
    [l([0.05, 0.04], [0.92, 0], [0.4, 1])],
    [l([0.05, 0.02], [0.9, 0.02], [0.42, 1]), l([0.28, 0.5], [0.82, 0.48])],
    [l([0.08, 0.18], [0.05, 0], [0.9, 0.02]), s([0.9, 0.02], [0.6, 0.4], [0.45, 0.7], [0.4, 1])],
    [s([0.05, 0.1], [0.4, 0.05], [0.9, 0.05], [0.65, 0.4], [0.45, 1])],
    [l([0.1, 0.2], [0.12, 0.02], [0.9, 0], [0.45, 1]), l([0.35, 0.48], [0.85, 0.44])],
  ],
  [
    [
      s(
        [0.75, 0.12],
        [0.45, 0],
        [0.2, 0.18],
        [0.45, 0.44],
        [0.8, 0.7],
        [0.55, 1],
        [0.2, 0.86],
        [0.3, 0.62],
        [0.6, 0.42],
        [0.82, 0.2],
        [0.7, 0.06],
      ),
    ],
    [
      s([0.5, 0.45], [0.2, 0.3], [0.3, 0.04], [0.68, 0.03], [0.78, 0.28], [0.5, 0.45]),
      s([0.5, 0.45], [0.12, 0.68], [0.25, 0.98], [0.72, 0.98], [0.88, 0.7], [0.5, 0.45]),
    ],
    [
      s(
        [0.8, 0.1],
        [0.5, 0],
        [0.22, 0.2],
        [0.5, 0.47],
        [0.82, 0.72],
        [0.5, 1],
        [0.18, 0.8],
        [0.42, 0.52],
        [0.75, 0.3],
        [0.85, 0.05],
      ),
    ],
  ],
  [
    [s([0.8, 0.2], [0.5, 0], [0.18, 0.15], [0.2, 0.42], [0.5, 0.5], [0.8, 0.22]), l([0.8, 0.2], [0.75, 1])],
    [
      s(
        [0.8, 0.15],
        [0.5, 0],
        [0.18, 0.2],
        [0.3, 0.47],
        [0.65, 0.42],
        [0.82, 0.18],
        [0.83, 0.55],
        [0.62, 0.95],
        [0.2, 0.95],
      ),
    ],
    [s([0.75, 0.1], [0.4, 0], [0.15, 0.25], [0.4, 0.48], [0.78, 0.25], [0.8, 0.1], [0.7, 0.6], [0.55, 1])],
  ],
];

/** `writers` hands with a slant, a pen and a steadiness of their own: glyphs like those of fonts, with their fields. */
export function penGlyphs(writers, seed) {
  const glyphs = [];
  for (let writer = 0; writer < writers; writer++) {
    const random = seededRandom(mixSeeds(seed, writer));
    const slant = random.between(-0.15, 0.5);
    const radius = random.between(0.018, 0.062);
    const jitter = random.between(0.01, 0.052);
    const width = random.between(0.45, 0.95);
    for (let digit = 0; digit < 10; digit++) {
      const shapes = SHAPES[digit];
      const strokes = shapes[random.integer(shapes.length)];
      const wide = width * random.between(0.85, 1.2);
      const polylines = strokes.map(({ smooth, points }) => {
        const placed = points.map(([x, y]) => {
          const px = x * wide + random.normal() * jitter;
          const py = y + random.normal() * jitter;
          return [px - slant * py, py];
        });
        return smooth ? curve(placed) : straight(placed, random, jitter);
      });
      const field = fieldOfStrokes(polylines, radius);
      const style = 'pen';
      glyphs.push({
        family: `pen ${writer}`,
        style,
        category: 'pen',
        digit,
        halfWidth: halfWidth(field),
        field,
      });
    }
  }
  return glyphs;
}

/** A Catmull-Rom spline through the points. */
function curve(points) {
  const flat = [];
  const at = (i) => points[Math.max(0, Math.min(points.length - 1, i))];
  const parts = 5;
  for (let i = 0; i + 1 < points.length; i++) {
    for (let part = 0; part < parts; part++) {
      const t = part / parts;
      for (let axis = 0; axis < 2; axis++) {
        const [a, b, c, d] = [at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis]];
        flat.push(
          0.5 *
            (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t ** 3),
        );
      }
    }
  }
  flat.push(...points.at(-1));
  return flat;
}

/** Lines between the points, each a little bent. */
function straight(points, random, jitter) {
  const flat = [...points[0]];
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1];
    const [bx, by] = points[i];
    const bend = random.normal() * 0.7 * jitter;
    for (const t of [0.25, 0.5, 0.75]) {
      const bulge = 4 * t * (1 - t) * bend;
      flat.push(ax + (bx - ax) * t - (by - ay) * bulge, ay + (by - ay) * t + (bx - ax) * bulge);
    }
    flat.push(bx, by);
  }
  return flat;
}
