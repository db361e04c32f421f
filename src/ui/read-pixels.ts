import { PeerceptronError } from '../shared/errors.ts';

/**
 * A picture stretched to `width` × `height`, on white: RGBA, row-major, 8 bits each.
 * @throws INPUT_INVALID where it cannot be loaded or decoded
 */
export async function readPixels(url: string, width: number, height: number): Promise<Uint8ClampedArray> {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch (cause) {
    throw new PeerceptronError('INPUT_INVALID', `${url} cannot be loaded as a picture`, { cause });
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context)
    throw new PeerceptronError('INPUT_INVALID', 'this browser gives no canvas to decode pictures');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
