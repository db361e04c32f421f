import type { Random } from '../../src/shared/random.ts';
import type { GrayPicture } from '../../src/ui/demo/digits/gray.ts';
import type { Area } from '../../src/ui/demo/picture.ts';

type Point = readonly [x: number, y: number];
type Stroke = readonly Point[];

function ellipse(x: number, y: number, rx: number, ry: number): Stroke {
  return Array.from({ length: 25 }, (_, step): Point => {
    const angle = (step * Math.PI) / 12;
    return [x + rx * Math.sin(angle), y - ry * Math.cos(angle)];
  });
}

const six: Stroke = [
  [0.75, 0.02],
  [0.5, 0.12],
  [0.28, 0.35],
  [0.18, 0.62],
  [0.24, 0.88],
  [0.5, 1],
  [0.75, 0.9],
  [0.82, 0.7],
  [0.7, 0.5],
  [0.48, 0.46],
  [0.26, 0.56],
];

/** Digits as a pen would write them, in a box of height 1; by what they show. */
export const PEN_DIGITS: readonly (readonly Stroke[])[] = [
  [ellipse(0.5, 0.5, 0.32, 0.5)],
  [
    [
      [0.35, 0.18],
      [0.55, 0],
      [0.55, 1],
    ],
  ],
  [
    [
      [0.15, 0.25],
      [0.2, 0.1],
      [0.35, 0.01],
      [0.55, 0],
      [0.75, 0.08],
      [0.82, 0.25],
      [0.75, 0.45],
      [0.5, 0.68],
      [0.12, 1],
      [0.88, 1],
    ],
  ],
  [
    [
      [0.15, 0.12],
      [0.35, 0.01],
      [0.6, 0.02],
      [0.78, 0.15],
      [0.78, 0.32],
      [0.62, 0.46],
      [0.42, 0.48],
      [0.65, 0.5],
      [0.84, 0.64],
      [0.84, 0.82],
      [0.65, 0.97],
      [0.38, 1],
      [0.14, 0.88],
    ],
  ],
  [
    [
      [0.68, 1],
      [0.68, 0],
      [0.05, 0.68],
      [0.95, 0.68],
    ],
  ],
  [
    [
      [0.8, 0],
      [0.25, 0],
      [0.2, 0.45],
      [0.45, 0.38],
      [0.7, 0.42],
      [0.84, 0.6],
      [0.82, 0.82],
      [0.62, 0.98],
      [0.35, 1],
      [0.14, 0.9],
    ],
  ],
  [six],
  [
    [
      [0.12, 0],
      [0.88, 0],
      [0.42, 1],
    ],
  ],
  [ellipse(0.5, 0.25, 0.26, 0.25), ellipse(0.5, 0.74, 0.32, 0.26)],
  [six.map(([x, y]): Point => [1 - x, 1 - y])],
];

export interface SceneOptions {
  readonly width: number;
  readonly height: number;
  /** Brightness without ink. */
  readonly ground: (x: number, y: number) => number;
  /** Of the ink, absolute. */
  readonly ink: number;
  /** What `PEN_DIGITS` has there. */
  readonly digit: number;
  readonly centre: Point;
  /** Of the digit, upright, in pixels. */
  readonly heightPixels: number;
  readonly strokePixels: number;
  readonly degrees?: number;
  /** Standard deviation. */
  readonly noise?: number;
  readonly random: Random;
}

/** A digit somewhere in a picture of a camera, and the box around its ink. */
export function drawScene(options: SceneOptions): { readonly picture: GrayPicture; readonly box: Area } {
  const { width, height, ground, ink, digit, strokePixels, noise = 0, random } = options;
  const strokes = PEN_DIGITS[digit]!.map((stroke) => stroke.map((point) => placed(point, options)));
  const points = strokes.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs) - strokePixels / 2, Math.min(...ys) - strokePixels / 2];
  const [right, bottom] = [Math.max(...xs) + strokePixels / 2, Math.max(...ys) + strokePixels / 2];
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isNear = x > left - 2 && x < right + 2 && y > top - 2 && y < bottom + 2;
      const distance = isNear
        ? Math.min(...strokes.map((stroke) => distanceTo(stroke, x + 0.5, y + 0.5)))
        : Infinity;
      // One pixel of soft edge.
      const covered = Math.min(1, Math.max(0, strokePixels / 2 - distance + 0.5));
      const clean = ground(x, y) * (1 - covered) + ink * covered;
      values[y * width + x] = Math.min(255, Math.max(0, Math.round(clean + noise * random.normal())));
    }
  }
  return {
    picture: { width, height, values },
    box: { left, top, width: right - left, height: bottom - top },
  };
}

function placed([x, y]: Point, { centre, heightPixels, degrees = 0 }: SceneOptions): Point {
  const angle = (degrees * Math.PI) / 180;
  const [dx, dy] = [(x - 0.5) * heightPixels, (y - 0.5) * heightPixels];
  return [
    centre[0] + dx * Math.cos(angle) - dy * Math.sin(angle),
    centre[1] + dx * Math.sin(angle) + dy * Math.cos(angle),
  ];
}

function distanceTo(stroke: Stroke, x: number, y: number): number {
  let least = Infinity;
  for (let i = 0; i + 1 < stroke.length; i++) {
    const [[ax, ay], [bx, by]] = [stroke[i]!, stroke[i + 1]!];
    const [dx, dy] = [bx - ax, by - ay];
    const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
    least = Math.min(least, Math.hypot(x - ax - along * dx, y - ay - along * dy));
  }
  return least;
}

/** Of two rectangles: what they share, as a part of what both cover. */
export function overlap(a: Area, b: Area): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}
