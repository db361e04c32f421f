import { chunkPayloadBytes } from '../protocol/chunk.ts';
import { HEADER_BYTES, PRIORITY, writeFrame, type FrameType } from '../protocol/frame.ts';
import type { Clock } from '../shared/clock.ts';
import { toPeerceptronError, type PeerceptronError } from '../shared/errors.ts';
import type { PeerLink } from './peer-link.ts';

const NOTHING = new Uint8Array(0);
/** Longer frames are copied to the link at once, and not here first. */
const MAX_GATHERED_BYTES = 4 * 1024;

export interface FrameFields {
  readonly flags?: number;
  readonly priority?: number;
  readonly stream?: number;
  readonly offset?: number;
  readonly payload?: Uint8Array;
}

export interface FrameWriterOptions {
  readonly link: PeerLink;
  readonly clock: Pick<Clock, 'after'>;
  /** Calls back when the task that runs now, and what it set off, is over. */
  readonly defer: (callback: () => void) => void;
  /** Learns that the link refuses to send; nothing is written after that. */
  readonly onFailure: (error: PeerceptronError) => void;
}

/**
 * The only way onto the link: numbers frames, and joins them to messages. A message costs a processor far more than the bytes
 * of a short frame do, so short frames wait for the end of the task that wrote them, or for whatever goes the same way before.
 * Header and payload are joined in one buffer that is used again for every message (links copy what they send, or lend a
 * buffer), so a chunk costs one copy and no allocation.
 */
export class FrameWriter {
  /** Largest payload of one frame. */
  readonly payloadBytes: number;
  readonly #link: PeerLink;
  readonly #buffer: Uint8Array;
  readonly #gathered: Uint8Array;
  readonly #options: FrameWriterOptions;
  #gatheredBytes = 0;
  #deferred = false;
  #cancelLinger: (() => void) | undefined;
  #sequence = 0;
  #stopped = false;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
    this.#link = options.link;
    this.payloadBytes = chunkPayloadBytes(options.link.maxMessageBytes);
    this.#buffer = new Uint8Array(HEADER_BYTES + this.payloadBytes);
    this.#gathered = new Uint8Array(Math.min(MAX_GATHERED_BYTES, this.#buffer.length));
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Bytes of frames that wait, and will be in front of the next one in its message. */
  get gatheredBytes(): number {
    return this.#gatheredBytes;
  }

  stop(): void {
    this.#stopped = true;
    this.#gatheredBytes = 0;
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
  }

  /**
   * Writes one frame and returns its size; 0 when the link is dead. It leaves at the end of this task at the latest, or, with
   * `lingerMs`, when another one leaves within that time.
   */
  write(type: FrameType, fields: FrameFields, lingerMs = 0): number {
    if (this.#stopped) return 0;
    const { flags = 0, priority = PRIORITY.none, stream = 0, offset = 0, payload = NOTHING } = fields;
    const header = { type, flags, priority, stream, sequence: this.#sequence, offset };
    this.#sequence = (this.#sequence + 1) >>> 0;
    const sizeBytes = HEADER_BYTES + payload.length;
    if (this.#gatheredBytes + sizeBytes > this.#gathered.length) {
      if (this.#gatheredBytes + sizeBytes > this.#buffer.length) this.flush();
      if (sizeBytes > this.#gathered.length || this.#gatheredBytes > 0)
        return this.#send(sizeBytes, (target) => writeFrame(target, header, payload)) ? sizeBytes : 0;
    }
    writeFrame(this.#gathered.subarray(this.#gatheredBytes), header, payload);
    this.#gatheredBytes += sizeBytes;
    if (lingerMs > 0) this.#cancelLinger ??= this.#options.clock.after(lingerMs, () => this.flush());
    else this.#flushSoon();
    return sizeBytes;
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#gatheredBytes > 0) this.#send(0, () => undefined);
  }

  #flushSoon(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    // Not as a method of the options, which browsers would not have of their own functions.
    const { defer } = this.#options;
    defer(() => {
      this.#deferred = false;
      this.flush();
    });
  }

  /** One message: what waits, and `moreBytes` that `write` adds to it. Whether the link took it. */
  #send(moreBytes: number, write: (target: Uint8Array) => void): boolean {
    if (this.#stopped) return false;
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    const waitingBytes = this.#gatheredBytes;
    this.#gatheredBytes = 0;
    const sizeBytes = waitingBytes + moreBytes;
    const message = this.#link.lend?.(sizeBytes) ?? this.#buffer.subarray(0, sizeBytes);
    message.set(this.#gathered.subarray(0, waitingBytes));
    write(message.subarray(waitingBytes));
    try {
      this.#link.send(message);
      return true;
    } catch (thrown) {
      this.stop();
      this.#options.onFailure(toPeerceptronError(thrown, 'LINK_LOST'));
      return false;
    }
  }
}
