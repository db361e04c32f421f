import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { GraphInput } from '../src/graph/graph.ts';
import { PeerceptronError } from '../src/shared/errors.ts';

const PICTURE_TYPES = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.avif', '.tif', '.tiff']);

/** Files as they are; a folder stands for the pictures in it, by name. Throws `INPUT_INVALID`. */
export async function findPictures(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const info = await stat(path).catch(() => undefined);
    if (!info) {
      throw new PeerceptronError(
        'INPUT_INVALID',
        `'${path}' does not exist: give a picture or a folder of pictures`,
      );
    }
    if (!info.isDirectory()) {
      found.push(path);
      continue;
    }
    const names = (await readdir(path)).filter((name) => PICTURE_TYPES.has(extname(name).toLowerCase()));
    if (names.length === 0) {
      throw new PeerceptronError(
        'INPUT_INVALID',
        `'${path}' holds no pictures (${[...PICTURE_TYPES].join(' ')})`,
      );
    }
    found.push(...names.sort().map((name) => join(path, name)));
  }
  return found;
}

/** Decodes a picture and stretches it to the input's height and width: RGB, one byte per channel, row-major. */
export async function decodePicture(path: string, input: GraphInput): Promise<Uint8Array> {
  const [height, width, channels] = input.shape;
  if (input.shape.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new PeerceptronError(
      'INPUT_INVALID',
      `the model's input '${input.id}' has shape [${input.shape.join(', ')}]: a picture fits only [h, w, 1] or [h, w, 3]`,
    );
  }
  try {
    // When the first picture comes: a peer never sees one, and the decoder takes 16 MB.
    const { default: sharp } = await import('sharp');
    const rgb = await sharp(path)
      .rotate() // as its EXIF orientation says
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .resize(width, height, { fit: 'fill', kernel: 'linear' })
      .removeAlpha()
      .raw()
      .toBuffer();
    return new Uint8Array(rgb.buffer, rgb.byteOffset, rgb.byteLength);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeerceptronError('INPUT_INVALID', `'${path}' cannot be read as a picture: ${reason}`, {
      cause,
    });
  }
}
