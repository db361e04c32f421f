import type { Size } from '../picture.ts';
import type { GrayPicture } from './gray.ts';

/** 1 where there is ink, row-major. */
export interface InkMask extends Size {
  readonly ink: Uint8Array;
}

/** Of the picture's shorter side: as far around a pixel its ground is looked at. More than a stroke is wide. */
const RADIUS_PART = 0.2;
/** Darker than the ground by so much at least. */
const DARKER_LEAST = 9;

/** How far around a pixel its ground reaches, in pixels. */
export const groundRadius = ({ width, height }: Size): number =>
  Math.max(4, Math.round(Math.min(width, height) * RADIUS_PART));

/**
 * Pixels that are darker than the ground around them (means of `groundRadius`) by that part of its brightness, however unevenly it
 * is lit (Bradley and Roth, 2007).
 */
export function inkMask(
  { width, height, values }: GrayPicture,
  grounds: Float32Array,
  darkerPart: number,
): InkMask {
  const ink = new Uint8Array(width * height);
  for (let at = 0; at < ink.length; at++) {
    const ground = grounds[at]!;
    if (values[at]! < ground - Math.max(DARKER_LEAST, ground * darkerPart)) ink[at] = 1;
  }
  return { width, height, ink };
}

/** Ink that hangs together, corners included. */
export interface InkBlob {
  /** From 1; what `InkBlobs.labels` has at its pixels. */
  readonly label: number;
  /** Half-open, in pixels. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly area: number;
  /** Pixels of it with ground, or the picture's edge, beside them. */
  readonly rim: number;
}

export interface InkBlobs {
  readonly blobs: readonly InkBlob[];
  /** Of each pixel, 0 without ink. */
  readonly labels: Int32Array;
}

/** Takes ink apart into what hangs together; blobs of fewer pixels than `leastArea` are left out, and have no label. */
export function inkBlobs({ width, height, ink }: InkMask, leastArea: number): InkBlobs {
  const labels = new Int32Array(width * height);
  const blobs: InkBlob[] = [];
  // All ink in the order in which it is found: that of one blob after that of another.
  const found = new Int32Array(width * height);
  let count = 0;
  for (let start = 0; start < ink.length; start++) {
    if (ink[start] === 0 || labels[start] !== 0) continue;
    const label = blobs.length + 1;
    const first = count;
    found[count++] = start;
    labels[start] = label;
    let [left, top, right, bottom, rim] = [width, height, 0, 0, 0];
    for (let next = first; next < count; next++) {
      const at = found[next]!;
      const x = at % width;
      const y = (at - x) / width;
      if (x < left) left = x;
      if (y < top) top = y;
      if (x >= right) right = x + 1;
      if (y >= bottom) bottom = y + 1;
      let isRim = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      for (let dy = y === 0 ? 0 : -1; dy <= (y === height - 1 ? 0 : 1); dy++) {
        for (let dx = x === 0 ? 0 : -1; dx <= (x === width - 1 ? 0 : 1); dx++) {
          const beside = at + dy * width + dx;
          if (ink[beside] === 0) {
            if (dx === 0 || dy === 0) isRim = true;
          } else if (labels[beside] === 0) {
            labels[beside] = label;
            found[count++] = beside;
          }
        }
      }
      if (isRim) rim += 1;
    }
    const area = count - first;
    if (area >= leastArea) {
      blobs.push({ label, left, top, right, bottom, area, rim });
      continue;
    }
    for (const at of found.subarray(first, count)) {
      labels[at] = 0;
      // Not to be found again.
      ink[at] = 0;
    }
    count = first;
  }
  return { blobs, labels };
}
