import { formatShape, shapeSize, type Shape } from '../graph/box.ts';
import type { ImageEncoding } from '../graph/graph.ts';
import { pixelsToF32, type PixelInput } from '../graph/pixels.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** Conventions by the names that people know them by; `raw` hands 0…255 through, `unit` means 0…1. */
export const PREPROCESSING = ['tf', 'caffe', 'torch', 'unit', 'raw'] as const;
export type Preprocessing = (typeof PREPROCESSING)[number];

/** Means and deviations of ImageNet's red, green and blue. */
const CAFFE_MEANS = [123.68, 116.779, 103.939];
const TORCH_MEANS = [0.485, 0.456, 0.406];
const TORCH_DEVIATIONS = [0.229, 0.224, 0.225];

/** The encoding of a convention, for inputs of three channels or (`gray`) of one. */
export function imageEncoding(preprocessing: Preprocessing, channels: 1 | 3): ImageEncoding {
  const every = (order: 'rgb' | 'bgr', scale: number, offset: number): ImageEncoding =>
    channels === 1
      ? { channels: 'gray', scale: [scale], offset: [offset] }
      : { channels: order, scale: [scale, scale, scale], offset: [offset, offset, offset] };
  switch (preprocessing) {
    case 'tf':
      return every('rgb', 1 / 127.5, -1);
    case 'unit':
      return every('rgb', 1 / 255, 0);
    case 'raw':
      return every('rgb', 1, 0);
    case 'caffe':
      if (channels === 1) return every('bgr', 1, -average(CAFFE_MEANS));
      return { channels: 'bgr', scale: [1, 1, 1], offset: CAFFE_MEANS.map((mean) => -mean).reverse() };
    case 'torch': {
      const means = channels === 1 ? [average(TORCH_MEANS)] : TORCH_MEANS;
      const deviations = channels === 1 ? [average(TORCH_DEVIATIONS)] : TORCH_DEVIATIONS;
      return {
        channels: channels === 1 ? 'gray' : 'rgb',
        scale: deviations.map((deviation) => 1 / (255 * deviation)),
        offset: means.map((mean, channel) => -mean / deviations[channel]!),
      };
    }
  }
}

const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** First match wins: `resnet50v2` before `resnet`, `mobilenetv3` before `mobilenet`. */
const FAMILIES: readonly (readonly [RegExp, Preprocessing])[] = [
  [/teachable|tm-my-image/, 'tf'],
  // These have their scaling among their layers.
  [/efficientnet|mobilenet[-_]?v3|convnext/, 'raw'],
  [/resnet[-_]?\d*[-_]?v2|inception|xception|mobilenet|nasnet/, 'tf'],
  [/vgg|resnet|squeezenet|caffenet/, 'caffe'],
  [/densenet|alexnet|regnet/, 'torch'],
];

/**
 * How pictures are usually prepared for a model of that name (Keras' conventions for its own families); 0…1 for a
 * name that says nothing. A guess: users can choose (`PREPROCESSING`), our own files state it.
 */
export function preprocessingOf(modelName: string): Preprocessing {
  const name = modelName.toLowerCase();
  return FAMILIES.find(([pattern]) => pattern.test(name))?.[1] ?? 'unit';
}

/** Whether an input of that shape can be a picture `[h, w, 1|3]` or a clip `[frames, h, w, 3]`, and of how many channels. */
export function pictureChannels(shape: Shape): 1 | 3 | undefined {
  const channels = shape.at(-1);
  if (shape.length === 3 && (channels === 1 || channels === 3)) return channels;
  return shape.length === 4 && channels === 3 ? 3 : undefined;
}

/** Weights of red, green and blue in the brightness that people see (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * Pixels as a network's input of `shape` `[h, w, c]` (or a clip's, `[frames, h, w, c]`), float32.
 *
 * `pixels` has the size of the input already: 8 bits per channel, row-major, gray, RGB or RGBA (its length tells; alpha
 * is ignored). Throws `INPUT_INVALID` when sizes do not fit.
 */
export function encodeImage(
  pixels: Uint8Array | Uint8ClampedArray,
  encoding: ImageEncoding,
  shape: Shape,
): Float32Array {
  return pixelsToF32(pixelInput(pixels, encoding, shape));
}

/**
 * The same input as 8-bit values in the network's own order of channels, and the map to numbers: what a picture is until it reaches
 * whoever computes with it, a quarter of the size. Brightness for gray inputs is rounded to 8 bits, as image libraries do.
 */
export function pixelInput(
  pixels: Uint8Array | Uint8ClampedArray,
  encoding: ImageEncoding,
  shape: Shape,
): PixelInput {
  const channels = encoding.channels === 'gray' ? 1 : 3;
  const count = shapeSize(shape) / channels;
  const perPixel = pixels.length / count;
  if (shape.at(-1) !== channels) {
    throw new PeerceptronError(
      'INPUT_INVALID',
      `an input of shape ${formatShape(shape)} cannot hold ${encoding.channels} pictures: its last axis must be ${channels}`,
    );
  }
  if (perPixel !== 1 && perPixel !== 3 && perPixel !== 4) {
    throw new PeerceptronError(
      'INPUT_INVALID',
      `${pixels.length} bytes are not a picture for an input of shape ${formatShape(shape)}: resize it to that size first, as gray, RGB or RGBA`,
    );
  }
  const ofChannel = (values: readonly number[], otherwise: number): number[] =>
    Array.from({ length: channels }, (_, channel) => values[channel] ?? values[0] ?? otherwise);
  return {
    pixels: inOrder(pixels, perPixel, encoding.channels, count),
    scale: ofChannel(encoding.scale, 1),
    offset: ofChannel(encoding.offset, 0),
  };
}

function inOrder(
  pixels: Uint8Array | Uint8ClampedArray,
  perPixel: 1 | 3 | 4,
  order: ImageEncoding['channels'],
  count: number,
): Uint8Array {
  const isGray = order === 'gray';
  if (perPixel === (isGray ? 1 : 3) && order !== 'bgr') {
    return new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length);
  }
  const result = new Uint8Array(count * (isGray ? 1 : 3));
  const [red, green, blue] = perPixel === 1 ? [0, 0, 0] : [0, 1, 2];
  for (let pixel = 0; pixel < count; pixel++) {
    const at = pixel * perPixel;
    const r = pixels[at + red]!;
    const g = pixels[at + green]!;
    const b = pixels[at + blue]!;
    if (isGray) {
      result[pixel] = Math.round(LUMA[0] * r + LUMA[1] * g + LUMA[2] * b);
      continue;
    }
    result[pixel * 3] = order === 'rgb' ? r : b;
    result[pixel * 3 + 1] = g;
    result[pixel * 3 + 2] = order === 'rgb' ? b : r;
  }
  return result;
}
