import type { GrayPicture } from './gray.ts';
import type { InkBlob } from './ink.ts';

export interface PatchOptions {
  /** Dark writing on light ground. */
  readonly picture: GrayPicture;
  readonly labels: Int32Array;
  readonly blob: InkBlob;
  readonly inkLevel: number;
  readonly groundLevel: number;
  /** Side of the patch, in its own pixels. */
  readonly extent: number;
}

/** The longer side of a digit in its square, as MNIST has it: 20 of 28. */
const FILLED_PART = 20 / 28;
/** Around its ink a digit fades out: pixels so near to it are taken as they are. */
const NEAR_PIXELS = 2;
/** Samples along each side of a pixel, at least. */
const LEAST_SAMPLES = 2;

/**
 * The digit alone, on white: its ink black, its centre of mass in the middle, light and shade of the paper taken out.
 * Row-major, 8 bits.
 */
export function digitPatch(options: PatchOptions): Uint8Array {
  const { extent, blob } = options;
  const level = inkOnWhite(options);
  const centre = centreOfMass(options);
  const longest = Math.max(blob.right - blob.left, blob.bottom - blob.top);
  // What hangs out on one side, for its mass lies on the other, stays in.
  const reach = Math.max(
    longest / FILLED_PART / 2,
    centre.x - blob.left,
    blob.right - centre.x,
    centre.y - blob.top,
    blob.bottom - centre.y,
  );
  const scale = (2 * reach) / extent;
  const samples = Math.max(LEAST_SAMPLES, Math.ceil(scale));
  const patch = new Uint8Array(extent * extent);
  for (let row = 0; row < extent; row++) {
    for (let column = 0; column < extent; column++) {
      let sum = 0;
      for (let i = 0; i < samples; i++) {
        for (let j = 0; j < samples; j++) {
          const x = centre.x - reach + (column + (j + 0.5) / samples) * scale;
          const y = centre.y - reach + (row + (i + 0.5) / samples) * scale;
          sum += between(level, x - 0.5, y - 0.5);
        }
      }
      patch[row * extent + column] = Math.round(sum / (samples * samples));
    }
  }
  return patch;
}

type Level = (x: number, y: number) => number;

/** 0 for ink to 255 for ground; white wherever the digit is not near. */
function inkOnWhite({ picture, labels, blob, inkLevel, groundLevel }: PatchOptions): Level {
  const { width, height, values } = picture;
  const left = Math.max(0, blob.left - NEAR_PIXELS);
  const top = Math.max(0, blob.top - NEAR_PIXELS);
  const columns = Math.min(width, blob.right + NEAR_PIXELS) - left;
  const rows = Math.min(height, blob.bottom + NEAR_PIXELS) - top;
  const levels = new Uint8Array(columns * rows).fill(255);
  const range = groundLevel - inkLevel;
  for (let y = blob.top; y < blob.bottom; y++) {
    for (let x = blob.left; x < blob.right; x++) {
      if (labels[y * width + x] !== blob.label) continue;
      for (
        let row = Math.max(top, y - NEAR_PIXELS);
        row <= Math.min(top + rows - 1, y + NEAR_PIXELS);
        row++
      ) {
        const last = Math.min(left + columns - 1, x + NEAR_PIXELS);
        for (let column = Math.max(left, x - NEAR_PIXELS); column <= last; column++) {
          const at = row * width + column;
          // Other writing may come this near.
          if (labels[at] !== blob.label && labels[at] !== 0) continue;
          const ink = (values[at]! - inkLevel) / range;
          levels[(row - top) * columns + column - left] = Math.round(255 * Math.min(1, Math.max(0, ink)));
        }
      }
    }
  }
  return (x, y) =>
    x < left || y < top || x >= left + columns || y >= top + rows
      ? 255
      : levels[(y - top) * columns + x - left]!;
}

/** Linear between the four pixels around. */
function between(level: Level, x: number, y: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const right = x - x0;
  const below = y - y0;
  return (
    (level(x0, y0) * (1 - right) + level(x0 + 1, y0) * right) * (1 - below) +
    (level(x0, y0 + 1) * (1 - right) + level(x0 + 1, y0 + 1) * right) * below
  );
}

/** Of the ink's pixels, in the coordinates of pixels' edges. */
function centreOfMass({ picture: { width }, labels, blob }: PatchOptions): { x: number; y: number } {
  let sumX = 0;
  let sumY = 0;
  for (let y = blob.top; y < blob.bottom; y++) {
    for (let x = blob.left; x < blob.right; x++) {
      if (labels[y * width + x] !== blob.label) continue;
      sumX += x + 0.5;
      sumY += y + 0.5;
    }
  }
  return { x: sumX / blob.area, y: sumY / blob.area };
}
