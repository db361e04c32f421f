/**
 * A connection that is `disconnected` for this long is lost. It is called so some 5 s after the last answer and `failed` 10 s after that, but the latter
 * not where the device's own network has gone: libwebrtc then has no path left to give up.
 */
const DISCONNECTED_TIMEOUT_MS = 10_000;

/**
 * Calls `lost`, once, when `connection` stays `disconnected`.
 * @returns how to stop watching
 */
export function watchDisconnection(
  connection: Pick<RTCPeerConnection, 'iceConnectionState' | 'addEventListener'>,
  lost: () => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    clearTimeout(timer);
  };
  connection.addEventListener('iceconnectionstatechange', () => {
    clearTimeout(timer);
    if (isOver || connection.iceConnectionState !== 'disconnected') return;
    timer = setTimeout(() => {
      stop();
      lost();
    }, DISCONNECTED_TIMEOUT_MS);
  });
  return stop;
}
