import type { PeerceptronError } from '../../shared/errors.ts';
import type { Area, Size } from './picture.ts';

/** Where pictures come from, one after another (a camera, a clip) or one that stays. */
export interface PictureSource {
  readonly kind: 'camera' | 'clip' | 'picture';
  /** For people: what the camera or the file is called. */
  readonly name: string;
  /** What the page shows of it. */
  readonly view: HTMLElement;
  /** Whether people expect to see themselves as in a mirror. What is computed is never mirrored. */
  readonly isMirror: boolean;
  readonly size: Size;
  /** That area of the picture as it is now, stretched to `size`: RGBA, row-major, 8 bits each; the caller's. */
  read(area: Area, size: Size): Uint8ClampedArray;
  /** Calls for every new picture, and for one that is there already; returns how to stop. */
  subscribe(onPicture: () => void): () => void;
  close(): void;
}

export interface CameraWish {
  readonly kind: 'camera';
  /** One camera in particular; otherwise the one that looks that way, where there are several. */
  readonly deviceId?: string;
  readonly facing?: 'user' | 'environment';
}

/** What somebody wants to show. */
export type SourceWish =
  | CameraWish
  /** A picture or a clip of one's own. */
  | { readonly kind: 'file'; readonly file: File }
  | { readonly kind: 'sample'; readonly url: string };

export interface CameraDevice {
  readonly id: string;
  readonly name: string;
}

export interface Sources {
  /**
   * `onEnded` is called when the source ends by itself, as when a camera is unplugged.
   * @throws INPUT_INVALID; of cameras `details.camera` says why (`CameraReason`)
   */
  open(wish: SourceWish, onEnded: (error: PeerceptronError) => void): Promise<PictureSource>;
  /** Those that may be chosen among; names are known once one has been opened. Never rejects. */
  cameras(): Promise<readonly CameraDevice[]>;
}
