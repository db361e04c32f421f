import type { SignalingSocket } from './socket.ts';

/** Signaling over the browser's own WebSocket (also in workers). */
export function openBrowserSocket(url: string): SignalingSocket {
  const webSocket = new WebSocket(url);
  const socket: SignalingSocket = {
    onOpen: undefined,
    onMessage: undefined,
    onClose: undefined,
    send: (text) => webSocket.send(text),
    close: () => {
      socket.onOpen = socket.onMessage = socket.onClose = undefined;
      webSocket.close(1000);
    },
  };
  webSocket.addEventListener('open', () => socket.onOpen?.());
  webSocket.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (typeof event.data === 'string') socket.onMessage?.(event.data);
  });
  // Browsers tell pages no more than this about a socket that failed.
  webSocket.addEventListener('close', (event) =>
    socket.onClose?.(event.reason || `closed with code ${event.code}`),
  );
  return socket;
}
