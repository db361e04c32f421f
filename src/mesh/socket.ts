/**
 * A text socket to the signaling server. Implementations: `websocket-node.ts`, `websocket-browser.ts`, and a fake in
 * the tests. Handlers are set before the first `await` after `openSocket`; none is called after `close()`.
 */
export interface SignalingSocket {
  onOpen: (() => void) | undefined;
  onMessage: ((text: string) => void) | undefined;
  /** Once, also when it never opened. `reason` is for people. */
  onClose: ((reason: string) => void) | undefined;
  /** Only while open. */
  send(text: string): void;
  close(): void;
}

export type OpenSocket = (url: string) => SignalingSocket;
