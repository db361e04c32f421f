import SimplePeer from 'simple-peer';
import wrtc from 'wrtc';
import { withLink } from '../../bench/farm/wrapped-rtc.ts';
import { decodeFrames } from '../../src/protocol/frame.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/messages.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import type { PeerLink } from '../../src/transport/peer-link.ts';
import type { OpenRtc } from '../../src/transport/rtc.ts';
import { simplePeerOpener } from '../../src/transport/simple-peer.ts';

export interface CuttingRtc {
  readonly openRtc: OpenRtc;
  /** What `cutAt` does, to every connection now. */
  loseAll(): void;
  /**
   * Destroys every native connection; nobody is told. Only while nothing is sent: the binding crashes when a channel is closed from
   * the other side while it sends.
   */
  destroyAll(): void;
  /** Called whenever bytes of streams were sent or have arrived. */
  onCount: (() => void) | undefined;
  readonly counts: { opened: number; cuts: number; sentBytes: number; receivedBytes: number };
}

/**
 * WebRTC in Node whose connections break in the middle of a transfer: whenever one of `cutAt` bytes of streams (ascending, over all
 * connections together) has arrived, the connection that brought it loses everything from then on, and only this end is told. Counts
 * what streams carry, byte by byte.
 */
export function cuttingRtc(cutAt: readonly number[] = []): CuttingRtc {
  const due = [...cutAt];
  const alive = new Set<RTCPeerConnection>();
  const cuts = new Set<() => void>();
  const self: CuttingRtc = {
    loseAll: () => {
      for (const cut of cuts) cut();
    },
    destroyAll: () => {
      self.counts.cuts += alive.size;
      for (const native of alive) native.close();
      alive.clear();
    },
    onCount: undefined,
    counts: { opened: 0, cuts: 0, sentBytes: 0, receivedBytes: 0 },
    openRtc: (options) => {
      let native: RTCPeerConnection | undefined;
      const Recorded = function (configuration?: RTCConfiguration) {
        native = new wrtc.RTCPeerConnection(configuration);
        return native;
      } as unknown as typeof RTCPeerConnection;
      const connection = simplePeerOpener({ SimplePeer, webRtc: { ...wrtc, RTCPeerConnection: Recorded } })(
        options,
      );
      return withLink(connection, (link) => {
        self.counts.opened += 1;
        if (native) alive.add(native);
        return cuttable(link, () => native && alive.delete(native));
      });
    },
  };
  const count = (direction: 'sentBytes' | 'receivedBytes', message: Uint8Array): void => {
    const sizeBytes = streamBytes(message);
    self.counts[direction] += sizeBytes;
    if (sizeBytes > 0) self.onCount?.();
  };

  const cuttable = (link: PeerLink, forget: () => void): PeerLink => {
    let isSevered = false;
    let onClose: PeerLink['onClose'];
    const cut = (): void => {
      isSevered = true;
      self.counts.cuts += 1;
      cuts.delete(cut);
      forget();
      // Not within the connection's own event.
      setImmediate(() => onClose?.(new PeerceptronError('LINK_LOST', 'the network is gone')));
    };
    cuts.add(cut);
    link.onClose = (error) => {
      cuts.delete(cut);
      forget();
      if (!isSevered) onClose?.(error);
    };
    return {
      maxMessageBytes: link.maxMessageBytes,
      send: (message) => {
        count('sentBytes', message);
        if (!isSevered) link.send(message);
      },
      close: () => link.close(),
      get onMessage() {
        return link.onMessage;
      },
      set onMessage(handler) {
        link.onMessage =
          handler &&
          ((message) => {
            if (isSevered) return;
            count('receivedBytes', message);
            handler(message);
            if (self.counts.receivedBytes < (due[0] ?? Infinity)) return;
            due.shift();
            cut();
          });
      },
      get onClose() {
        return onClose;
      },
      set onClose(handler) {
        onClose = handler;
      },
    };
  };
  return self;
}

function streamBytes(message: Uint8Array): number {
  if (message[0] !== PROTOCOL_VERSION) return 0;
  let sizeBytes = 0;
  for (const { type, payload } of decodeFrames(message)) if (type === 'data') sizeBytes += payload.length;
  return sizeBytes;
}
