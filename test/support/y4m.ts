import type { GrayPicture } from '../../src/ui/demo/digits/gray.ts';

/** 8 bits per channel, row-major, RGB. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array;
}

/** The same value for all three channels. */
export function rgbOf({ width, height, values }: GrayPicture): RgbPicture {
  const rgb = new Uint8Array(values.length * 3);
  values.forEach((value, at) => rgb.fill(value, at * 3, at * 3 + 3));
  return { width, height, values: rgb };
}

/**
 * Pictures of one size, with even sides, as an uncompressed clip: YUV4MPEG2, 4:2:0, the limited range of ITU-R BT.601. Browsers
 * that are given such a file in place of a camera show its pictures over and over.
 */
export function y4mClip(pictures: readonly RgbPicture[], framesPerSecond: number): Uint8Array {
  const { width, height } = pictures[0]!;
  const header = `YUV4MPEG2 W${width} H${height} F${framesPerSecond}:1 Ip A1:1 C420jpeg\n`;
  const parts = pictures.flatMap((picture) => [Buffer.from('FRAME\n'), planesOf(picture)]);
  return Buffer.concat([Buffer.from(header), ...parts]);
}

function planesOf({ width, height, values }: RgbPicture): Uint8Array {
  const [halfWidth, halfHeight] = [width / 2, height / 2];
  const luma = new Uint8Array(width * height);
  const blue = new Uint8Array(halfWidth * halfHeight);
  const red = new Uint8Array(halfWidth * halfHeight);
  for (let at = 0; at < luma.length; at++) {
    const [r, g, b] = [values[at * 3]!, values[at * 3 + 1]!, values[at * 3 + 2]!];
    luma[at] = Math.round(16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256);
  }
  for (let y = 0; y < halfHeight; y++) {
    for (let x = 0; x < halfWidth; x++) {
      let [r, g, b] = [0, 0, 0];
      for (const place of [0, 1, width, width + 1]) {
        const at = (2 * y * width + 2 * x + place) * 3;
        r += values[at]! / 4;
        g += values[at + 1]! / 4;
        b += values[at + 2]! / 4;
      }
      blue[y * halfWidth + x] = Math.round(128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256);
      red[y * halfWidth + x] = Math.round(128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256);
    }
  }
  return Buffer.concat([luma, blue, red]);
}
