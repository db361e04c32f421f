import type { CanvasReader } from './canvas-reader.ts';
import type { PictureSource } from './picture-source.ts';

export interface VideoSourceOptions {
  readonly kind: 'camera' | 'clip';
  readonly name: string;
  readonly isMirror: boolean;
  readonly reader: CanvasReader;
  /** Frees what the video shows. */
  readonly release: () => void;
}

/** A video that is ready to play, as a source of pictures. */
export function videoSource(video: HTMLVideoElement, options: VideoSourceOptions): PictureSource {
  const { kind, name, isMirror, reader, release } = options;
  return {
    kind,
    name,
    isMirror,
    view: video,
    // Phones turn: the size is that of now.
    get size() {
      return { width: video.videoWidth, height: video.videoHeight };
    },
    read: (area, size) => reader.read(video, area, size),
    subscribe: (onPicture) => onVideoFrames(video, onPicture),
    close: () => {
      video.pause();
      release();
      video.srcObject = null;
      video.removeAttribute('src');
    },
  };
}

/** Without sound, on the page rather than over it, and started by itself. */
export function silentVideo(): HTMLVideoElement {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.autoplay = true;
  return video;
}

/**
 * Resolves when the video is known and plays, or will: some browsers play none before it is on the page.
 * Rejects with what the browser says where it cannot.
 */
export function started(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener('loadedmetadata', () => resolve(), { once: true });
    video.play().then(resolve, reject);
  });
}

/** One call per picture that the video shows, where the browser tells; otherwise at most one per repaint. */
function onVideoFrames(video: HTMLVideoElement, onFrame: () => void): () => void {
  let isOver = false;
  let handle: number;
  if ('requestVideoFrameCallback' in video) {
    const tell = (): void => {
      if (isOver) return;
      handle = video.requestVideoFrameCallback(tell);
      onFrame();
    };
    handle = video.requestVideoFrameCallback(tell);
    return () => {
      isOver = true;
      video.cancelVideoFrameCallback(handle);
    };
  }
  const element: HTMLVideoElement = video;
  let shownAt = -1;
  const look = (): void => {
    handle = requestAnimationFrame(look);
    if (element.currentTime === shownAt || element.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    shownAt = element.currentTime;
    onFrame();
  };
  handle = requestAnimationFrame(look);
  return () => cancelAnimationFrame(handle);
}
