import { PeerceptronError } from '../../shared/errors.ts';
import { listCameras, openCamera } from './camera.ts';
import { CanvasReader } from './canvas-reader.ts';
import { openClip } from './clip-source.ts';
import type { Sources } from './picture-source.ts';
import { openStill } from './still-source.ts';

/** Cameras, files and samples as the browser has them. */
export function browserSources(): Sources {
  const reader = new CanvasReader();
  return {
    cameras: listCameras,
    open: async (wish, onEnded) => {
      switch (wish.kind) {
        case 'camera':
          return openCamera(wish, reader, onEnded);
        case 'file':
          return isClip(wish.file)
            ? openClip(wish.file, reader)
            : openStill(wish.file, wish.file.name, reader);
        case 'sample':
          return openStill(await fetched(wish.url), nameOf(wish.url), reader);
      }
    },
  };
}

/** Some systems know no type of a file. */
const isClip = ({ type, name }: File): boolean =>
  type.startsWith('video/') || (type === '' && /\.(mp4|m4v|mov|webm|ogv)$/i.test(name));

async function fetched(url: string): Promise<Blob> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    return await response.blob();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PeerceptronError('INPUT_INVALID', `${url} cannot be loaded: ${why}`, { cause });
  }
}

const nameOf = (url: string): string => url.split('/').at(-1)!;
