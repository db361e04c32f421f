import { PeerceptronError } from '../../shared/errors.ts';
import type { CanvasReader } from './canvas-reader.ts';
import type { PictureSource } from './picture-source.ts';
import { silentVideo, started, videoSource } from './video-source.ts';

/**
 * A video file, played over and over.
 * @throws INPUT_INVALID where the browser cannot play it
 */
export async function openClip(file: File, reader: CanvasReader): Promise<PictureSource> {
  const url = URL.createObjectURL(file);
  const video = silentVideo();
  video.loop = true;
  video.src = url;
  try {
    await started(video);
  } catch (cause) {
    URL.revokeObjectURL(url);
    throw new PeerceptronError(
      'INPUT_INVALID',
      `${file.name} cannot be played here: try an .mp4 (H.264) or a .webm`,
      { cause },
    );
  }
  return videoSource(video, {
    kind: 'clip',
    name: file.name,
    isMirror: false,
    reader,
    release: () => URL.revokeObjectURL(url),
  });
}
