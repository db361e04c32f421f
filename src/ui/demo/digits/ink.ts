import type { Size } from '../picture.ts';
import type { AreaSums, GrayPicture } from './gray.ts';

/** 1 where there is ink, row-major. */
export interface InkMask extends Size {
  readonly ink: Uint8Array;
}

/** Of the picture's shorter side: as far around a pixel its ground is looked at. More than a stroke is wide. */
const RADIUS_PART = 0.2;
/** Ink is darker than the ground around it by this part of the ground's brightness, and by so much at least. */
const DARKER_PART = 0.13;
const DARKER_LEAST = 9;

/** Pixels that are clearly darker than what is around them, however unevenly it is lit (Bradley and Roth, 2007). */
export function inkMask(picture: GrayPicture, sums: AreaSums): InkMask {
  const { width, height, values } = picture;
  const radius = Math.max(4, Math.round(Math.min(width, height) * RADIUS_PART));
  const ink = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ground = sums.mean(x - radius, y - radius, x + radius + 1, y + radius + 1);
      const darker = Math.max(DARKER_LEAST, ground * DARKER_PART);
      if (values[y * width + x]! < ground - darker) ink[y * width + x] = 1;
    }
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
  const stack = new Int32Array(width * height);
  for (let start = 0; start < ink.length; start++) {
    if (ink[start] === 0 || labels[start] !== 0) continue;
    const label = blobs.length + 1;
    const members: number[] = [];
    let depth = 0;
    stack[depth++] = start;
    labels[start] = label;
    let [left, top, right, bottom, rim] = [width, height, 0, 0, 0];
    while (depth > 0) {
      const at = stack[--depth]!;
      members.push(at);
      const x = at % width;
      const y = (at - x) / width;
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + 1);
      bottom = Math.max(bottom, y + 1);
      let isRim = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      for (let dy = y === 0 ? 0 : -1; dy <= (y === height - 1 ? 0 : 1); dy++) {
        for (let dx = x === 0 ? 0 : -1; dx <= (x === width - 1 ? 0 : 1); dx++) {
          const next = at + dy * width + dx;
          if (ink[next] === 0) {
            if (dx === 0 || dy === 0) isRim = true;
          } else if (labels[next] === 0) {
            labels[next] = label;
            stack[depth++] = next;
          }
        }
      }
      if (isRim) rim += 1;
    }
    if (members.length >= leastArea) {
      blobs.push({ label, left, top, right, bottom, area: members.length, rim });
    } else {
      for (const at of members) {
        labels[at] = 0;
        // Not to be found again.
        ink[at] = 0;
      }
    }
  }
  return { blobs, labels };
}
