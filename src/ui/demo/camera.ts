import type { PeerceptronError } from '../../shared/errors.ts';
import { cameraError, cameraObstacle, cameraReason } from './camera-problem.ts';
import type { CanvasReader } from './canvas-reader.ts';
import type { CameraDevice, CameraWish, PictureSource } from './picture-source.ts';
import { silentVideo, started, videoSource } from './video-source.ts';

/** Enough for every network that is known here; more only costs the phone its battery. */
const WISHED = { width: { ideal: 640 }, height: { ideal: 480 } } as const;

const mediaDevices = (): MediaDevices | undefined =>
  // Absent on plain http and in older browsers, whatever the type library says.
  (navigator as Partial<Navigator>).mediaDevices;

/**
 * Asks for a camera, and waits for its first picture.
 * @throws INPUT_INVALID with `details.camera`
 */
export async function openCamera(
  wish: CameraWish,
  reader: CanvasReader,
  onEnded: (error: PeerceptronError) => void,
): Promise<PictureSource> {
  const devices = mediaDevices();
  const obstacle = cameraObstacle({ isSecure: isSecureContext, hasCameras: devices !== undefined });
  if (obstacle) throw cameraError(obstacle, 'the browser offers none to this page');
  let stream: MediaStream;
  try {
    stream = await devices!.getUserMedia({ video: { ...WISHED, ...chosen(wish) }, audio: false });
  } catch (cause) {
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
    throw cameraError(cameraReason(name), message || name, cause);
  }
  const stop = (): void => stream.getTracks().forEach((track) => track.stop());
  const [track] = stream.getVideoTracks();
  const video = silentVideo();
  video.srcObject = stream;
  try {
    await started(video);
  } catch (cause) {
    stop();
    throw cameraError('failed', cause instanceof Error ? cause.message : String(cause), cause);
  }
  track!.addEventListener('ended', () =>
    onEnded(cameraError('unplugged', 'it was unplugged or switched off')),
  );
  return videoSource(video, {
    kind: 'camera',
    name: track!.label,
    // Only a camera that looks away from people shows them no mirror image.
    isMirror: track!.getSettings().facingMode !== 'environment',
    reader,
    release: stop,
  });
}

export async function listCameras(): Promise<readonly CameraDevice[]> {
  const found = await mediaDevices()
    ?.enumerateDevices()
    .catch(() => []);
  return (found ?? [])
    .filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '')
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
}

function chosen({ deviceId, facing }: CameraWish): MediaTrackConstraints {
  if (deviceId !== undefined) return { deviceId: { exact: deviceId } };
  return facing === undefined ? {} : { facingMode: facing };
}
