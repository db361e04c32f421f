import type { Capabilities, ControlMessage, StreamMeta } from '../protocol/messages.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';

/** Lower is more urgent. Weights keep at least a tenth of a link that activations would fill. */
export type StreamPriority = 'activation' | 'weight';

export interface SendOptions {
  readonly priority: StreamPriority;
  /** Aborting sends CANCEL; what was not sent yet is dropped. */
  readonly signal?: AbortSignal;
}

export interface ControlOptions {
  /** Nobody waits for it: it may wait so long for something else that goes the same way. Later messages do not overtake it. */
  readonly lingerMs?: number;
}

/**
 * What a stream sends when it is not simply bytes that lie ready: they are made chunk by chunk, when the link takes them,
 * so that nothing large is encoded or copied at once.
 */
export interface StreamSource {
  readonly totalBytes: number;
  /**
   * The bytes of the stream from `start` to `end`, which may be asked for again. They are copied before the next call, so one buffer serves
   * for all. Throwing gives the stream up: it is cancelled, and the sender's promise rejects with what was thrown.
   */
  read(start: number, end: number): Uint8Array;
}

/** Where an accepted stream goes: exactly the announced number of bytes, into a buffer or chunk by chunk. */
export type StreamSink = BufferSink | ChunkSink;

export interface BufferSink extends SinkEvents {
  readonly buffer: Uint8Array;
}

export interface ChunkSink extends SinkEvents {
  /**
   * Takes the bytes from `offset` on, in order and without gaps. They are valid during the call only. Throwing refuses the rest: the
   * sender gets CANCEL with the code of what was thrown, the sink `failed`.
   */
  readonly write: (bytes: Uint8Array, offset: number) => void;
}

interface SinkEvents {
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
  sendControl(message: ControlMessage, options?: ControlOptions): void;
  /**
   * Sends `data` as one stream. Resolves when the last byte was handed to the link; rejects with `STREAM_CANCELLED`
   * (either side), `LINK_CLOSED` or `LINK_LOST`. The buffer, or what a source reads from, must stay untouched until then.
   */
  sendStream(meta: StreamMeta, data: Uint8Array | StreamSource, options: SendOptions): Promise<void>;
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
  /** What that peer says of itself has changed. Absent where nobody keeps it. */
  learned?(peer: PeerId, capabilities: Capabilities): void;
}
