import { chunkPayloadBytes } from '../protocol/chunk.ts';
import { HEADER_BYTES, PRIORITY, writeFrame, type FrameType } from '../protocol/frame.ts';
import { toPeerceptronError, type PeerceptronError } from '../shared/errors.ts';
import type { PeerLink } from './peer-link.ts';

const NOTHING = new Uint8Array(0);

export interface FrameFields {
  readonly flags?: number;
  readonly priority?: number;
  readonly stream?: number;
  readonly offset?: number;
  readonly payload?: Uint8Array;
}

/**
 * The only way onto the link: numbers frames, and joins header and payload in one buffer that is used again for every
 * frame (links copy what they send, or lend a buffer), so a chunk costs one copy and no allocation.
 */
export class FrameWriter {
  /** Largest payload of one frame. */
  readonly payloadBytes: number;
  readonly #link: PeerLink;
  readonly #buffer: Uint8Array;
  readonly #onFailure: (error: PeerceptronError) => void;
  #sequence = 0;
  #stopped = false;

  /** `onFailure` learns that the link refuses to send; nothing is written after that. */
  constructor(link: PeerLink, onFailure: (error: PeerceptronError) => void) {
    this.payloadBytes = chunkPayloadBytes(link.maxMessageBytes);
    this.#link = link;
    this.#buffer = new Uint8Array(HEADER_BYTES + this.payloadBytes);
    this.#onFailure = onFailure;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Sends one frame and returns the size of its message; 0 when the link is dead. */
  write(type: FrameType, fields: FrameFields): number {
    if (this.#stopped) return 0;
    const { flags = 0, priority = PRIORITY.none, stream = 0, offset = 0, payload = NOTHING } = fields;
    const header = { type, flags, priority, stream, sequence: this.#sequence, offset };
    const target = this.#link.lend?.(HEADER_BYTES + payload.length) ?? this.#buffer;
    const message = writeFrame(target, header, payload);
    try {
      this.#link.send(message);
    } catch (thrown) {
      this.#stopped = true;
      this.#onFailure(toPeerceptronError(thrown, 'LINK_LOST'));
      return 0;
    }
    this.#sequence = (this.#sequence + 1) >>> 0;
    return message.length;
  }
}
