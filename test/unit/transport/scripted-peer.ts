import {
  decodeFrames,
  encodeFrame,
  PRIORITY,
  type Frame,
  type FrameHeader,
} from '../../../src/protocol/frame.ts';
import { encodePayload, decodeReason, type Reason } from '../../../src/protocol/payload.ts';
import type { PeerceptronError } from '../../../src/shared/errors.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import { createMemoryPair } from '../../../src/transport/memory-pair.ts';
import { createChannel, type ChannelOptions } from '../../../src/transport/mux.ts';
import { PEER_B, piece } from './channel-pair.ts';

/** A channel whose other side is played by the test, frame by frame. Time stands still. */
export interface Scripted {
  readonly channel: PeerChannel;
  /** What the channel has sent, decoded. */
  readonly sent: Frame[];
  /** Sends one frame with the right sequence number, unless `fields` says otherwise. */
  readonly send: (fields: Partial<FrameHeader> & { type: FrameHeader['type'] }, payload?: Uint8Array) => void;
  readonly sendRaw: (message: Uint8Array) => void;
  /** OPEN with valid metadata. */
  readonly open: (stream: number, totalBytes: number, fields?: Partial<FrameHeader>) => void;
  readonly data: (stream: number, offset: number, payload: Uint8Array, fields?: Partial<FrameHeader>) => void;
  readonly credit: (stream: number, limitBytes: number, acknowledgedBytes: number) => void;
  /** Delivers everything, until nothing moves any more. */
  readonly settle: () => Promise<void>;
  /** The CLOSE that the channel sent, if any. */
  readonly closeReason: () => Reason | undefined;
  readonly closed: () => Promise<PeerceptronError | undefined | 'open'>;
}

export function scripted(options: Omit<ChannelOptions, 'link' | 'peer' | 'clock'> = {}): Scripted {
  const deliveries: (() => void)[] = [];
  const { a, b } = createMemoryPair({ schedule: (deliver) => deliveries.push(deliver) });
  const channel = createChannel({
    link: a,
    peer: PEER_B,
    clock: { now: () => 0, after: () => () => undefined },
    defer: queueMicrotask,
    ...options,
  });
  const sent: Frame[] = [];
  b.onMessage = (message) => sent.push(...decodeFrames(message));
  let sequence = 0;
  const script: Scripted = {
    channel,
    sent,
    send: (fields, payload = new Uint8Array(0)) => {
      const header = { flags: 0, priority: 0, stream: 0, sequence, offset: 0, ...fields };
      sequence += 1;
      b.send(encodeFrame(header, payload));
    },
    sendRaw: (message) => b.send(message),
    open: (stream, totalBytes, fields = {}) =>
      script.send(
        { type: 'open', priority: PRIORITY.activation, stream, offset: totalBytes, ...fields },
        encodePayload(piece(), 60_000, 'test'),
      ),
    data: (stream, offset, payload, fields = {}) =>
      script.send({ type: 'data', priority: PRIORITY.activation, stream, offset, ...fields }, payload),
    credit: (stream, limitBytes, acknowledgedBytes) =>
      script.send(
        { type: 'credit', stream, offset: limitBytes },
        new Uint8Array(Uint32Array.of(acknowledgedBytes).buffer),
      ),
    settle: async () => {
      for (let calm = 0; calm < 10; calm += 1) {
        await Promise.resolve();
        for (let deliver = deliveries.shift(); deliver; deliver = deliveries.shift()) {
          deliver();
          calm = 0;
        }
      }
    },
    closeReason: () => {
      const frame = sent.find(({ type }) => type === 'close');
      return frame && frame.payload.length > 0 ? decodeReason(frame.payload) : undefined;
    },
    closed: () => Promise.race([channel.closed, Promise.resolve().then(() => 'open' as const)]),
  };
  return script;
}

export const framesOf = (frames: readonly Frame[], type: Frame['type']): Frame[] =>
  frames.filter((frame) => frame.type === type);
