import type { Area } from '../picture.ts';
import { AreaSums, inverted, softened, type GrayPicture } from './gray.ts';
import { inkBlobs, inkMask, type InkBlob } from './ink.ts';
import { digitPatch } from './patch.ts';

export interface FoundDigit {
  /** Around its ink, in pixels of the picture that was searched. */
  readonly box: Area;
  /** Dark on white, `extent` × `extent`, as MNIST has them: the longer side 20 of 28, the centre of mass in the middle. */
  readonly pixels: Uint8Array;
}

/** Of the picture's shorter side: smaller writing is not meant, larger is cut off. */
const LEAST_HEIGHT = 0.09;
const MOST_HEIGHT = 0.95;
const LEAST_HEIGHT_PIXELS = 12;
/** Width over height: a bare 1, and a wide 0 or a 2 that is tilted. */
const ASPECTS = { least: 0.08, most: 1.3 } as const;
/** Of the box that is ink, unless it is a bare stroke. */
const INK_PARTS = { least: 0.08, most: 0.75 } as const;
const BARE_STROKE_ASPECT = 0.42;
/** Width of a stroke over the longer side: what is thicker is no writing. */
const MOST_STROKE = 0.36;
/** Ground is on all four sides, and nearly as bright on the darkest as on the brightest. */
const LEAST_CONTRAST = 22;
const DARKEST_SIDE = 0.4;
/** What lies between the strokes is ground as well, where there is so much of it (part of the box). */
const LEAST_GAPS = 0.15;
const GAP_CONTRAST = 0.4;
/** So far from the middle a digit counts this part less. */
const OFF_CENTRE = 0.5;

/**
 * The digit that is held before a camera, whatever is around it: the largest blob of ink that could be one and has ground
 * on all sides, dark on light or light on dark. Nothing where there is none. `extent` is the side of the picture to make of it.
 */
export function findDigit(picture: GrayPicture, extent: number): FoundDigit | undefined {
  const negative = inverted(picture);
  const dark = bestIn(softened(picture));
  const light = bestIn(softened(negative));
  const [best, source] = (light?.score ?? 0) > (dark?.score ?? 0) ? [light, negative] : [dark, picture];
  if (!best) return undefined;
  const { blob, labels, inkLevel, groundLevel } = best;
  const { left, top, right, bottom } = blob;
  return {
    box: { left, top, width: right - left, height: bottom - top },
    pixels: digitPatch({ picture: source, labels, blob, inkLevel, groundLevel, extent }),
  };
}

interface Candidate {
  readonly blob: InkBlob;
  readonly labels: Int32Array;
  readonly score: number;
  /** Mean brightness of its ink, and of the ground around it. */
  readonly inkLevel: number;
  readonly groundLevel: number;
}

/** The best dark writing. */
function bestIn(picture: GrayPicture): Candidate | undefined {
  const sums = new AreaSums(picture);
  const { width, height } = picture;
  const side = Math.min(width, height);
  const leastHeight = Math.max(LEAST_HEIGHT_PIXELS, side * LEAST_HEIGHT);
  const { blobs, labels } = inkBlobs(inkMask(picture, sums), leastHeight);
  let best: Candidate | undefined;
  for (const blob of blobs) {
    if (!looksWritten(blob, leastHeight, side * MOST_HEIGHT)) continue;
    if (blob.left === 0 || blob.top === 0 || blob.right === width || blob.bottom === height) continue;
    const levels = levelsOf(picture, sums, labels, blob);
    if (!levels) continue;
    const score = (blob.bottom - blob.top) * (1 - OFF_CENTRE * distanceFromCentre(blob, width, height));
    if (!best || score > best.score) best = { blob, labels, score, ...levels };
  }
  return best;
}

function looksWritten(blob: InkBlob, leastHeight: number, mostHeight: number): boolean {
  const width = blob.right - blob.left;
  const height = blob.bottom - blob.top;
  const aspect = width / height;
  if (height < leastHeight || height > mostHeight) return false;
  if (aspect < ASPECTS.least || aspect > ASPECTS.most) return false;
  const inkPart = blob.area / (width * height);
  if (inkPart < INK_PARTS.least || (inkPart > INK_PARTS.most && aspect > BARE_STROKE_ASPECT)) return false;
  return (2 * blob.area) / blob.rim / Math.max(width, height) <= MOST_STROKE;
}

/**
 * Brightness of ink and ground, where the ground goes around and between. The edge of a sheet of paper before something dark
 * looks like ink, too, but has ground on one side only; the rim of a sheet before something light has none within.
 */
function levelsOf(
  { width, values }: GrayPicture,
  sums: AreaSums,
  labels: Int32Array,
  { label, left, top, right, bottom, area }: InkBlob,
): Pick<Candidate, 'inkLevel' | 'groundLevel'> | undefined {
  let inkSum = 0;
  let gapSum = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const value = values[y * width + x]!;
      if (labels[y * width + x] === label) inkSum += value;
      else gapSum += value;
    }
  }
  const inkLevel = inkSum / area;
  const boxArea = (right - left) * (bottom - top);
  const margin = Math.max(2, Math.round((bottom - top) * 0.1));
  const sides = [
    sums.mean(left, top - margin - 1, right, top - 1),
    sums.mean(left, bottom + 1, right, bottom + margin + 1),
    sums.mean(left - margin - 1, top, left - 1, bottom),
    sums.mean(right + 1, top, right + margin + 1, bottom),
  ].map((level) => level - inkLevel);
  if (sides.some(Number.isNaN)) return undefined;
  const brightest = Math.max(...sides);
  const darkest = Math.min(...sides);
  if (brightest < LEAST_CONTRAST || darkest < brightest * DARKEST_SIDE) return undefined;
  const gaps = gapSum / (boxArea - area) - inkLevel;
  if (boxArea - area > boxArea * LEAST_GAPS && gaps < brightest * GAP_CONTRAST) return undefined;
  return { inkLevel, groundLevel: inkLevel + (brightest + darkest) / 2 };
}

/** 0 in the middle, 1 in a corner. */
function distanceFromCentre(blob: InkBlob, width: number, height: number): number {
  const dx = (blob.left + blob.right - width) / 2;
  const dy = (blob.top + blob.bottom - height) / 2;
  return Math.hypot(dx, dy) / (Math.hypot(width, height) / 2);
}
