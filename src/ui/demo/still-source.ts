import { PeerceptronError } from '../../shared/errors.ts';
import type { CanvasReader } from './canvas-reader.ts';
import { fitted } from './picture.ts';
import type { PictureSource } from './picture-source.ts';

/** Shown no larger than this: a photograph of a phone would take as much memory as a network. */
const MOST_SHOWN_PIXELS = 1280;

/**
 * A picture that stays, upright as its file says.
 * @throws INPUT_INVALID where it cannot be decoded
 */
export async function openStill(blob: Blob, name: string, reader: CanvasReader): Promise<PictureSource> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch (cause) {
    throw new PeerceptronError('INPUT_INVALID', `${name} cannot be read as a picture`, { cause });
  }
  const view = document.createElement('canvas');
  const shown = fitted(bitmap, MOST_SHOWN_PIXELS);
  view.width = shown.width;
  view.height = shown.height;
  view.getContext('2d')?.drawImage(bitmap, 0, 0, shown.width, shown.height);
  return {
    kind: 'picture',
    name,
    view,
    isMirror: false,
    size: { width: bitmap.width, height: bitmap.height },
    read: (area, size) => reader.read(bitmap, area, size),
    subscribe: (onPicture) => {
      let isOver = false;
      queueMicrotask(() => {
        if (!isOver) onPicture();
      });
      return () => {
        isOver = true;
      };
    },
    close: () => bitmap.close(),
  };
}
