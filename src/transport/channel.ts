import type { ControlMessage, StreamMeta } from '../protocol/messages.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';

/** Lower is more urgent. Weights keep at least a tenth of a link that activations would fill. */
export type StreamPriority = 'activation' | 'weight';

export interface SendOptions {
  readonly priority: StreamPriority;
  /** Aborting sends CANCEL; what was not sent yet is dropped. */
  readonly signal?: AbortSignal;
}

/** Where an accepted stream goes: exactly the announced number of bytes. */
export interface StreamSink {
  readonly buffer: Uint8Array;
  /** Aborting refuses the rest: the sender gets CANCEL, the sink `failed`. */
  readonly signal?: AbortSignal;
  /** Every byte has been copied. */
  done(): void;
  /** The sender cancelled, or the link ended first. */
  failed(error: PeerceptronError): void;
}

/**
 * What the runtime sees of a connection: control messages and byte streams with credit and priority, multiplexed
 * over one `PeerLink` by `mux.ts`. Everything that arrives has passed the schema of `protocol/messages.ts`.
 */
export interface PeerChannel {
  /** The authenticated remote peer. */
  readonly peer: PeerId;
  /** Ahead of every stream. Throws `LINK_CLOSED` after the end. */
  sendControl(message: ControlMessage): void;
  /**
   * Sends `data` as one stream. Resolves when the last byte was handed to the link; rejects with `STREAM_CANCELLED`
   * (either side), `LINK_CLOSED` or `LINK_LOST`. The buffer must stay untouched until then.
   */
  sendStream(meta: StreamMeta, data: Uint8Array, options: SendOptions): Promise<void>;
  /** One handler; messages that came earlier are kept for it. */
  onControl: ((message: ControlMessage) => void) | undefined;
  /**
   * One handler. Returns where the bytes go, or a promise for it (until then only the initial credit is in flight), or
   * throws to refuse: the sender gets CANCEL with the error's code.
   */
  onStream: ((meta: StreamMeta, totalBytes: number) => StreamSink | Promise<StreamSink>) | undefined;
  /** Settles once, when the channel is dead: with the reason, or nothing after an orderly close. */
  readonly closed: Promise<PeerceptronError | undefined>;
  close(error?: PeerceptronError): void;
}

/** What the runtime sees of the mesh: authenticated channels, dialled on demand and kept. */
export interface PeerNetwork {
  readonly self: PeerId;
  /** The live channel to `peer`, dialled if there is none. Rejects with `LINK_TIMEOUT`, `LINK_NO_ROUTE`, `AUTH_FAILED` … within 15 s. */
  channel(peer: PeerId): Promise<PeerChannel>;
  /** Every channel that comes up, whoever dialled. */
  onChannel: ((channel: PeerChannel) => void) | undefined;
}
