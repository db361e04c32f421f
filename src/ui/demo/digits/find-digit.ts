import type { Area } from '../picture.ts';
import { AreaSums, inverted, softened, type GrayPicture } from './gray.ts';
import { groundRadius, inkBlobs, inkMask, type InkBlob } from './ink.ts';
import { digitPatch } from './patch.ts';

export interface FoundDigit {
  /** Around its ink, in pixels of the picture that was searched. */
  readonly box: Area;
  /** Dark on white, `extent` × `extent`, as MNIST has them: the longer side 20 of 28, the centre of mass in the middle. */
  readonly pixels: Uint8Array;
}

/**
 * How much darker than its ground ink is, as a part of the ground's brightness. Where there is no digit for the first, lines of
 * the paper may run through it: those are lighter than its ink.
 */
const DARKER_PARTS = [0.13, 0.35, 0.55] as const;
/** Of the picture's shorter side: smaller writing is not meant, larger is cut off. */
const LEAST_HEIGHT = 0.09;
const MOST_HEIGHT = 0.95;
const LEAST_HEIGHT_PIXELS = 12;
/** Width over height: a bare 1, and a tilted 2 or a 7 with a long bar. */
const ASPECTS = { least: 0.08, most: 1.7 } as const;
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
/** As dark as ink is what is nearer to it than to the ground by so much. */
const AS_DARK = 0.35;
/** Of its box a sheet of paper fills more than this, writing and all; a bold 0 less. */
const SHEET_PART = 0.55;
/** So far from the middle a digit counts this part less. */
const OFF_CENTRE = 0.5;

/**
 * The digit that is held before a camera, whatever is around it: the largest blob of ink that could be one and has ground
 * on all sides, dark on light or light on dark. Nothing where there is none. `extent` is the side of the picture to make of it.
 */
export function findDigit(picture: GrayPicture, extent: number): FoundDigit | undefined {
  const sides = [picture, inverted(picture)].map((side): Side => {
    const soft = softened(side);
    const sums = new AreaSums(soft);
    return { picture: side, soft, sums, grounds: sums.meansAround(groundRadius(picture)) };
  });
  for (const darkerPart of DARKER_PARTS) {
    const written = sides.flatMap((side) => writtenIn(side, darkerPart));
    const candidates = written.flatMap((one) => candidateOf(one) ?? []);
    const digits = candidates.filter(
      (one) =>
        !written.some((other) => isHole(one, other)) && !candidates.some((other) => isSheet(one, other)),
    );
    const [first, ...others] = digits;
    if (!first) continue;
    return foundDigit(
      others.reduce((best, other) => (other.score > best.score ? other : best), first),
      extent,
    );
  }
  return undefined;
}

/** What a light 0 has within is dark, and looks like a 1. */
const isHole = (one: Written, other: Written): boolean => contains(other, one) && !isFull(other);

/** What another one is written on: a light card before a dark wall looks like light writing. */
const isSheet = (one: Written, other: Written): boolean => contains(one, other) && isFull(one);

/** Whether the other one is within, and light where this one is dark. */
function contains({ side, blob: { left, top, right, bottom } }: Written, other: Written): boolean {
  const { blob } = other;
  return (
    side !== other.side && blob.left > left && blob.right < right && blob.top > top && blob.bottom < bottom
  );
}

const isFull = ({ blob: { left, top, right, bottom, area } }: Written): boolean =>
  area > SHEET_PART * (right - left) * (bottom - top);

function foundDigit({ side, blob, labels, inkLevel, groundLevel }: Candidate, extent: number): FoundDigit {
  const { left, top, right, bottom } = blob;
  return {
    box: { left, top, width: right - left, height: bottom - top },
    pixels: digitPatch({ picture: side.picture, labels, blob, inkLevel, groundLevel, extent }),
  };
}

/** The picture, or its negative, in which dark writing is looked for. */
interface Side {
  readonly picture: GrayPicture;
  /** With less noise. */
  readonly soft: GrayPicture;
  /** Of the soft one. */
  readonly sums: AreaSums;
  /** Around every pixel of it. */
  readonly grounds: Float32Array;
}

/** Mean brightness of ink, and of the ground around it. */
interface Levels {
  readonly inkLevel: number;
  readonly groundLevel: number;
}

/** What has the size and the strokes of writing. */
interface Written {
  readonly side: Side;
  readonly blob: InkBlob;
  readonly labels: Int32Array;
}

interface Candidate extends Written, Levels {
  readonly score: number;
}

function writtenIn(side: Side, darkerPart: number): readonly Written[] {
  const { soft, grounds } = side;
  const shorter = Math.min(soft.width, soft.height);
  const leastHeight = Math.max(LEAST_HEIGHT_PIXELS, shorter * LEAST_HEIGHT);
  const { blobs, labels } = inkBlobs(inkMask(soft, grounds, darkerPart), leastHeight);
  return blobs
    .filter((blob) => looksWritten(blob, leastHeight, shorter * MOST_HEIGHT))
    .map((blob) => ({ side, blob, labels }));
}

/** Nothing where it is no digit by what is around and within it. */
function candidateOf(written: Written): Candidate | undefined {
  const { side, blob, labels } = written;
  const { width, height } = side.soft;
  if (blob.left === 0 || blob.top === 0 || blob.right === width || blob.bottom === height) return undefined;
  const levels = levelsOf(side, labels, blob);
  if (!levels || isMassive(side, blob, levels)) return undefined;
  const score = (blob.bottom - blob.top) * (1 - OFF_CENTRE * distanceFromCentre(blob, width, height));
  return { ...written, ...levels, score };
}

function looksWritten(blob: InkBlob, leastHeight: number, mostHeight: number): boolean {
  const width = blob.right - blob.left;
  const height = blob.bottom - blob.top;
  const aspect = width / height;
  if (height < leastHeight || height > mostHeight) return false;
  if (aspect < ASPECTS.least || aspect > ASPECTS.most) return false;
  const inkPart = blob.area / (width * height);
  if (inkPart < INK_PARTS.least || (inkPart > INK_PARTS.most && aspect > BARE_STROKE_ASPECT)) return false;
  return !isThick(blob.area, blob.rim, blob);
}

/**
 * Brightness of ink and ground, where the ground goes around and between. The edge of a sheet of paper before something dark
 * looks like ink, too, but has ground on one side only; the rim of a sheet before something light has none within.
 */
function levelsOf(
  { soft: { width, values }, sums }: Side,
  labels: Int32Array,
  { label, left, top, right, bottom, area }: InkBlob,
): Levels | undefined {
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
  const gapArea = (right - left) * (bottom - top) - area;
  const around = (from: number, to: number): number[] =>
    [
      sums.mean(left, top - to, right, top - from),
      sums.mean(left, bottom + from, right, bottom + to),
      sums.mean(left - to, top, left - from, bottom),
      sums.mean(right + from, top, right + to, bottom),
    ].map((level) => level - inkLevel);
  const height = bottom - top;
  const sides = around(1, 1 + Math.max(2, Math.round(height * 0.1)));
  if (sides.some(Number.isNaN)) return undefined;
  const brightest = Math.max(...sides);
  const darkest = Math.min(...sides);
  if (brightest < LEAST_CONTRAST || darkest < brightest * DARKEST_SIDE) return undefined;
  const gaps = gapSum / gapArea - inkLevel;
  if (gapArea > (gapArea + area) * LEAST_GAPS && gaps < brightest * GAP_CONTRAST) return undefined;
  return { inkLevel, groundLevel: inkLevel + (brightest + darkest) / 2 };
}

/**
 * Of something dark and large only the rim is darker than what is around it, and looks like a stroke. With all that is as dark it is
 * as thick as it is.
 */
function isMassive({ soft }: Side, blob: InkBlob, { inkLevel, groundLevel }: Levels): boolean {
  const { width, values } = soft;
  const dark = inkLevel + AS_DARK * (groundLevel - inkLevel);
  const isDark = (at: number): boolean => values[at]! < dark;
  let area = 0;
  let rim = 0;
  // No blob reaches the picture's edge: there are pixels to all sides.
  for (let y = blob.top; y < blob.bottom; y++) {
    for (let x = blob.left; x < blob.right; x++) {
      const at = y * width + x;
      if (!isDark(at)) continue;
      area += 1;
      if (!isDark(at - 1) || !isDark(at + 1) || !isDark(at - width) || !isDark(at + width)) rim += 1;
    }
  }
  return isThick(area, rim, blob);
}

const isThick = (area: number, rim: number, { left, top, right, bottom }: InkBlob): boolean =>
  (2 * area) / rim > MOST_STROKE * Math.max(right - left, bottom - top);

/** 0 in the middle, 1 in a corner. */
function distanceFromCentre(blob: InkBlob, width: number, height: number): number {
  const dx = (blob.left + blob.right - width) / 2;
  const dy = (blob.top + blob.bottom - height) / 2;
  return Math.hypot(dx, dy) / (Math.hypot(width, height) / 2);
}
