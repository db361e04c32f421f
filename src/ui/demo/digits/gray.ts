import { pixelInput } from '../../../models/image-encoding.ts';
import type { Size } from '../picture.ts';

/** Brightness, row-major, 0 black to 255 white. */
export interface GrayPicture extends Size {
  readonly values: Uint8Array;
}

/** What people see as brightness of RGBA pixels. */
export function grayPicture(pixels: Uint8ClampedArray, { width, height }: Size): GrayPicture {
  const plain = { channels: 'gray', scale: [1], offset: [0] } as const;
  return { width, height, values: pixelInput(pixels, plain, [height, width, 1]).pixels };
}

/** Black for white: light writing on a dark ground becomes dark writing. */
export const inverted = ({ width, height, values }: GrayPicture): GrayPicture => ({
  width,
  height,
  values: values.map((value) => 255 - value),
});

/** Each pixel the mean of its neighbourhood of 3 × 3, less where the picture ends: noise becomes a third. */
export function softened(picture: GrayPicture): GrayPicture {
  const { width, height } = picture;
  const means = new AreaSums(picture).meansAround(1);
  const values = new Uint8Array(means.length);
  for (let at = 0; at < means.length; at++) values[at] = Math.round(means[at]!);
  return { width, height, values };
}

/** Means over any rectangle at the cost of four look-ups (Crow, "Summed-area tables", 1984). Pictures of 2²³ pixels at most. */
export class AreaSums {
  readonly #width: number;
  readonly #height: number;
  /** Of all pixels above and to the left: a row and a column more than the picture has. */
  readonly #sums: Int32Array;

  constructor({ width, height, values }: GrayPicture) {
    this.#width = width;
    this.#height = height;
    const stride = width + 1;
    const sums = new Int32Array(stride * (height + 1));
    for (let y = 0; y < height; y++) {
      let row = 0;
      for (let x = 0; x < width; x++) {
        row += values[y * width + x]!;
        sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1]! + row;
      }
    }
    this.#sums = sums;
  }

  /** Over the part of the half-open rectangle that lies in the picture; NaN where there is none. */
  mean(left: number, top: number, right: number, bottom: number): number {
    const x0 = Math.max(0, left);
    const y0 = Math.max(0, top);
    const x1 = Math.min(this.#width, right);
    const y1 = Math.min(this.#height, bottom);
    if (x1 <= x0 || y1 <= y0) return Number.NaN;
    const at = (x: number, y: number): number => this.#sums[y * (this.#width + 1) + x]!;
    return (at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0)) / ((x1 - x0) * (y1 - y0));
  }

  /** Of every pixel: the mean of the square that reaches `radius` pixels to all sides of it. Row-major. */
  meansAround(radius: number): Float32Array {
    const width = this.#width;
    const height = this.#height;
    const sums = this.#sums;
    const stride = width + 1;
    const means = new Float32Array(width * height);
    for (let y = 0; y < height; y++) {
      const y0 = Math.max(0, y - radius);
      const y1 = Math.min(height, y + radius + 1);
      const above = y0 * stride;
      const below = y1 * stride;
      for (let x = 0; x < width; x++) {
        const x0 = Math.max(0, x - radius);
        const x1 = Math.min(width, x + radius + 1);
        const sum = sums[below + x1]! - sums[below + x0]! - sums[above + x1]! + sums[above + x0]!;
        means[y * width + x] = sum / ((x1 - x0) * (y1 - y0));
      }
    }
    return means;
  }
}
