import type { Graph, GraphInput } from '../../graph/graph.ts';
import { pixelInput } from '../../models/image-encoding.ts';
import type { FrameInput } from '../../runtime/frame-input.ts';
import type { Clock } from '../../shared/clock.ts';
import { PeerceptronError } from '../../shared/errors.ts';
import { ClipBuffer } from './clip-buffer.ts';
import { findDigit } from './digits/find-digit.ts';
import { grayPicture } from './digits/gray.ts';
import { centreArea, fitted, scaledArea, type Area } from './picture.ts';
import type { PictureSource } from './picture-source.ts';

/** How a network looks at what is shown to it. */
export type Reading =
  /** The middle of the picture. */
  | 'picture'
  /** The last pictures together. */
  | 'clip'
  /** One written or printed digit, wherever it is held; a picture that stays, and shows none, as it is. */
  | 'digit';

export interface FrameRead {
  readonly input: FrameInput;
  /** What of the picture the network gets to see, in the picture's pixels. */
  readonly area: Area;
  /** Square pictures as the network gets them, where they differ from what is shown: gray, row-major. */
  readonly seen?: { readonly extent: number; readonly pixels: Uint8Array };
}

/** Makes a network's input of what a source shows. One reader for one source: clips remember. */
export interface FrameReader {
  /** A new picture is there. True where it is time to ask about it. */
  take(source: PictureSource): boolean;
  /** What there is now; nothing where there is nothing to ask about. */
  read(source: PictureSource): FrameRead | undefined;
}

/** Longer side of the picture in which a digit is looked for: some milliseconds on a phone. */
const SEARCHED_PIXELS = 320;
/** Between two searches, of the time that one takes. */
const PAUSES = 1;

/** Of a network that comes with the program: it reads digits, and only digits. */
export const readsDigits = ({ name, inputs }: Graph): boolean =>
  name === 'digits' && inputs[0]?.image?.channels === 'gray';

/**
 * The one input that a camera can feed.
 * @throws MODEL_UNSUPPORTED where there is none
 */
export function pictureInput({ name, inputs }: Graph): GraphInput & Required<Pick<GraphInput, 'image'>> {
  const [input] = inputs;
  if (inputs.length === 1 && input?.image) return { ...input, image: input.image };
  throw new PeerceptronError(
    'MODEL_UNSUPPORTED',
    `${name} takes ${inputs.length === 1 ? 'no pictures' : `${inputs.length} inputs`}: the page can only show it pictures and clips`,
  );
}

export const readingOf = (graph: Graph): Reading =>
  readsDigits(graph) ? 'digit' : pictureInput(graph).shape.length === 4 ? 'clip' : 'picture';

/** @throws MODEL_UNSUPPORTED (see `pictureInput`) */
export function frameReader(graph: Graph, reading: Reading, clock: Pick<Clock, 'now'>): FrameReader {
  const { shape, image } = pictureInput(graph);
  const [height, width] = shape.slice(-3) as [number, number, number];
  const size = { width, height };
  const middle = (source: PictureSource): Area => centreArea(source.size, width / height);
  const readMiddle = (source: PictureSource): FrameRead => {
    const area = middle(source);
    return { input: pixelInput(source.read(area, size), image, shape), area };
  };
  switch (reading) {
    case 'picture':
      return { take: () => true, read: readMiddle };
    case 'clip': {
      const frames = shape[0]!;
      const buffer = new ClipBuffer(frames);
      // Clips overlap by half: more often than that there is not much new to see.
      const stride = Math.max(1, Math.floor(frames / 2));
      return {
        take: (source) => {
          const picture = source.read(middle(source), size);
          // A picture that stays is a clip in which nothing moves.
          const times = source.kind === 'picture' ? frames : 1;
          for (let time = 0; time < times; time++) buffer.add(picture);
          return buffer.added >= frames && (buffer.added - frames) % stride === 0;
        },
        read: (source) => {
          const clip = buffer.clip();
          return clip && { input: pixelInput(clip, image, shape), area: middle(source) };
        },
      };
    }
    case 'digit': {
      let nextAtMs = -Infinity;
      return {
        // The page has other things to do, also where a device is slow and pictures without a digit come all the time.
        take: () => clock.now() >= nextAtMs,
        read: (source) => {
          const since = clock.now();
          const whole = { left: 0, top: 0, ...source.size };
          const searched = fitted(source.size, SEARCHED_PIXELS);
          const found = findDigit(grayPicture(source.read(whole, searched), searched), width);
          nextAtMs = clock.now() + PAUSES * (clock.now() - since);
          if (!found) return source.kind === 'picture' ? readMiddle(source) : undefined;
          return {
            input: pixelInput(found.pixels, image, shape),
            area: scaledArea(found.box, source.size.width / searched.width),
            seen: { extent: width, pixels: found.pixels },
          };
        },
      };
    }
  }
}
