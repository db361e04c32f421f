import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { pixelInput } from '../../../../src/models/image-encoding.ts';
import type { FrameInput } from '../../../../src/runtime/frame-input.ts';
import { seededRandom } from '../../../../src/shared/random.ts';
import { digitSamples } from '../../../../src/ui/digit-samples.ts';
import { findDigit } from '../../../../src/ui/demo/digits/find-digit.ts';
import { grayPicture, inverted, type GrayPicture } from '../../../../src/ui/demo/digits/gray.ts';
import { digitModel, wholeNetwork } from '../../../support/digit-model.ts';
import { drawScene, overlap, PEN_DIGITS, type SceneOptions } from '../../../support/drawn-scene.ts';

const EXTENT = 32;
const DIGITS = [...PEN_DIGITS.keys()];

const plain = (digit: number): SceneOptions => ({
  width: 320,
  height: 240,
  ground: () => 215,
  ink: 40,
  digit,
  centre: [165, 118],
  heightPixels: 110,
  strokePixels: 13,
  random: seededRandom(digit),
});

/** Lit from one side: twice as bright there as on the other. */
const gradient = (x: number, y: number): number => 235 - 0.3 * x - 0.1 * y;

/** A sheet of paper in front of a dark room, all of it in view. */
const sheet = (x: number, y: number): number => (x > 60 && x < 270 && y > 25 && y < 215 ? 225 : 45);

/** A sheet that hides the lower half of a bright room. */
const edge = (x: number, y: number): number => (y > 60 + 0.1 * x ? 200 : 120);

const scenes: Record<string, (digit: number) => SceneOptions> = {
  'on plain paper': plain,
  'small and off the middle': (digit) => ({
    ...plain(digit),
    centre: [230, 80],
    heightPixels: 46,
    strokePixels: 6,
  }),
  large: (digit) => ({ ...plain(digit), centre: [160, 120], heightPixels: 190, strokePixels: 22 }),
  tilted: (digit) => ({ ...plain(digit), degrees: digit % 2 === 0 ? 14 : -14 }),
  'lit from one side': (digit) => ({ ...plain(digit), ground: gradient, ink: 35 }),
  'with noise': (digit) => ({ ...plain(digit), noise: 14 }),
  'on a sheet of paper in a dark room': (digit) => ({ ...plain(digit), ground: sheet, heightPixels: 90 }),
  'on a small card in a dark room': (digit) => ({
    ...plain(digit),
    ground: (x, y) => (x > 100 && x < 225 && y > 55 && y < 180 ? 220 : 50),
    heightPixels: 70,
    strokePixels: 12,
  }),
  'below the edge of its paper': (digit) => ({
    ...plain(digit),
    ground: edge,
    centre: [160, 160],
    heightPixels: 90,
  }),
  'all at once': (digit) => ({
    ...plain(digit),
    ground: (x, y) => (sheet(x, y) * gradient(x, y)) / 235,
    noise: 9,
    degrees: digit % 2 === 0 ? -9 : 9,
    heightPixels: 80,
    strokePixels: 10,
  }),
};

/** Where the dark of a patch is, in pixels. */
function centreOfInk(pixels: Uint8Array): { x: number; y: number } {
  let [sum, sumX, sumY] = [0, 0, 0];
  pixels.forEach((value, at) => {
    const ink = 255 - value;
    sum += ink;
    sumX += ink * ((at % EXTENT) + 0.5);
    sumY += ink * (Math.floor(at / EXTENT) + 0.5);
  });
  return { x: sumX / sum, y: sumY / sum };
}

describe('a digit before a camera', () => {
  let read: (input: FrameInput) => Promise<Float32Array>;

  beforeAll(async () => {
    const model = await digitModel();
    read = await wholeNetwork(model, model.graph);
  });

  const readDigit = async (pixels: Uint8Array): Promise<number> => {
    const encoding = { channels: 'gray', scale: [1 / 255], offset: [0] } as const;
    const answer = await read(pixelInput(pixels, encoding, [EXTENT, EXTENT, 1]));
    return answer.indexOf(Math.max(...answer));
  };

  describe.each(Object.entries(scenes))('%s', (_name, scene) => {
    it.each(DIGITS)('is found: %i', (digit) => {
      const { picture, box } = drawScene(scene(digit));
      const found = findDigit(picture, EXTENT);
      expect(found, 'a digit is found').toBeDefined();
      expect(overlap(found!.box, box)).toBeGreaterThan(0.7);
      // Centred by mass, and dark on white.
      const { x, y } = centreOfInk(found!.pixels);
      expect(Math.abs(x - EXTENT / 2)).toBeLessThan(1);
      expect(Math.abs(y - EXTENT / 2)).toBeLessThan(1);
      expect(found!.pixels[0]).toBe(255);
      expect(Math.min(...found!.pixels)).toBeLessThan(60);
    });

    it('is read by the bundled network', async () => {
      const right = await Promise.all(
        DIGITS.map(async (digit) => {
          const found = findDigit(drawScene(scene(digit)).picture, EXTENT);
          return found !== undefined && (await readDigit(found.pixels)) === digit;
        }),
      );
      expect(right.filter(Boolean).length).toBeGreaterThanOrEqual(9);
    });
  });

  describe('in pictures that nobody has drawn for this', () => {
    const folder = fileURLToPath(new URL('../../../../public/models/digits/samples/', import.meta.url));
    const rightOf = async (pictureOf: (file: string) => Promise<GrayPicture>): Promise<number> => {
      const right = await Promise.all(
        digitSamples.map(async (file) => {
          const found = findDigit(await pictureOf(file), EXTENT);
          return found !== undefined && (await readDigit(found.pixels)) === Number(file[0]);
        }),
      );
      return right.filter(Boolean).length;
    };
    const pixelsOf = async (image: Sharp): Promise<GrayPicture> => {
      const { data, info } = await image.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      return grayPicture(new Uint8ClampedArray(data), info);
    };

    it('is read on squared and ruled paper, in shadow and at an angle', async () => {
      // One of them reaches over the edge of its picture.
      expect(await rightOf((file) => pixelsOf(sharp(folder + file)))).toBeGreaterThanOrEqual(11);
    });

    it('is read on a card that is held up in a dark room', async () => {
      const background = { r: 60, g: 55, b: 50 };
      const heldUp = async (file: string): Promise<GrayPicture> => {
        const card = await sharp(folder + file)
          .resize(130, 130)
          .toBuffer();
        const room = sharp({ create: { width: 320, height: 240, channels: 3, background } });
        return pixelsOf(room.composite([{ input: card, left: 95, top: 52 }]));
      };
      expect(await rightOf(heldUp)).toBeGreaterThanOrEqual(9);
    });
  });

  it('may be light on dark', () => {
    const { picture, box } = drawScene(plain(5));
    const dark = findDigit(picture, EXTENT)!;
    const light = findDigit(inverted(picture), EXTENT)!;
    expect(overlap(light.box, box)).toBeGreaterThan(0.7);
    expect([...light.pixels]).toEqual([...dark.pixels]);
  });

  it('is not taken for one with the writing beside it', () => {
    const left = drawScene({ ...plain(7), centre: [90, 120], heightPixels: 60, strokePixels: 8 });
    const right = drawScene({ ...plain(3), centre: [210, 120], heightPixels: 110 });
    const both: GrayPicture = {
      ...left.picture,
      values: left.picture.values.map((value, at) => Math.min(value, right.picture.values[at]!)),
    };
    expect(overlap(findDigit(both, EXTENT)!.box, right.box)).toBeGreaterThan(0.7);
  });

  it.each([
    ['an even wall', () => 180],
    ['light from one side', gradient],
    ['an empty sheet of paper', sheet],
    ['the edge of a sheet', edge],
    ['a dark disc', (x: number, y: number) => (Math.hypot(x - 160, y - 120) < 60 ? 40 : 200)],
    ['a stripe through the picture', (x: number) => (x > 150 && x < 170 ? 40 : 200)],
  ])('is not seen in %s', (_name, ground) => {
    const random = seededRandom(1);
    const values = Uint8Array.from({ length: 320 * 240 }, (_, at) =>
      Math.min(255, Math.max(0, ground(at % 320, Math.floor(at / 320)) + 5 * random.normal())),
    );
    expect(findDigit({ width: 320, height: 240, values }, EXTENT)?.box).toBeUndefined();
  });
});
