import { PeerceptronError, type ErrorDetails } from '../../shared/errors.ts';

/** Why there is no picture from a camera. */
export const CAMERA_REASONS = [
  /** Plain http: browsers give no camera to such pages. */
  'insecure',
  /** The browser knows of no cameras at all. */
  'unsupported',
  'denied',
  'missing',
  /** Another program has it. */
  'busy',
  /** The chosen one is not there any more. */
  'unfit',
  'unplugged',
  'failed',
] as const;

export type CameraReason = (typeof CAMERA_REASONS)[number];

/** What a browser offers before it is asked for a camera. */
export interface CameraFacts {
  readonly isSecure: boolean;
  readonly hasCameras: boolean;
}

/** Why it is no use to ask; nothing where it may be. */
export function cameraObstacle({ isSecure, hasCameras }: CameraFacts): CameraReason | undefined {
  if (hasCameras) return undefined;
  return isSecure ? 'unsupported' : 'insecure';
}

/** By the name of what `getUserMedia` rejects with (Media Capture and Streams, 10.2). */
export function cameraReason(errorName: string): CameraReason {
  switch (errorName) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return 'missing';
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy';
    case 'OverconstrainedError':
    case 'ConstraintNotSatisfiedError':
      return 'unfit';
    default:
      return 'failed';
  }
}

export function cameraError(camera: CameraReason, message: string, cause?: unknown): PeerceptronError {
  return new PeerceptronError('INPUT_INVALID', `no picture from a camera: ${message}`, {
    cause,
    details: { camera },
  });
}

/** The reason that an error carries, where it is one of a camera. */
export function cameraReasonOf({ camera }: ErrorDetails): CameraReason | undefined {
  return CAMERA_REASONS.find((reason) => reason === camera);
}
