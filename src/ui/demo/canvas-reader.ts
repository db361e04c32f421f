import { PeerceptronError } from '../../shared/errors.ts';
import type { Area, Size } from './picture.ts';

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Readers use a size for good: one canvas per size, and no more sizes than a picture needs. */
const MOST_CANVASES = 4;

/** Cuts areas out of pictures and resizes them, on white, away from the page. */
export class CanvasReader {
  readonly #contexts = new Map<string, Context>();

  /**
   * RGBA, row-major.
   * @throws INPUT_INVALID where the browser gives no canvas, or does not let the page read the picture
   */
  read(image: CanvasImageSource, area: Area, size: Size): Uint8ClampedArray {
    const context = this.#context(size);
    const { width, height } = size;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
    context.drawImage(image, area.left, area.top, area.width, area.height, 0, 0, width, height);
    try {
      return context.getImageData(0, 0, width, height).data;
    } catch (cause) {
      throw new PeerceptronError(
        'INPUT_INVALID',
        'the picture comes from a server that keeps it from this page: save it, and choose the file',
        { cause },
      );
    }
  }

  #context(size: Size): Context {
    const key = `${size.width}x${size.height}`;
    const known = this.#contexts.get(key);
    if (known) return known;
    const context = openContext(size);
    if (!context)
      throw new PeerceptronError('INPUT_INVALID', 'this browser gives no canvas to read pictures');
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    for (const oldest of [...this.#contexts.keys()].slice(0, this.#contexts.size - MOST_CANVASES + 1)) {
      this.#contexts.delete(oldest);
    }
    this.#contexts.set(key, context);
    return context;
  }
}

function openContext({ width, height }: Size): Context | null {
  const options: CanvasRenderingContext2DSettings = { willReadFrequently: true };
  if (typeof OffscreenCanvas !== 'undefined') {
    const context = new OffscreenCanvas(width, height).getContext('2d', options);
    // Some browsers have the class, and no such context of it.
    if (context) return context;
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext('2d', options);
}
