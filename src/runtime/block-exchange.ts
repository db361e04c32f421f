import { asSentence, type ControlMessage } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, type ErrorCode } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';

export type BlockRequest = Extract<ControlMessage, { type: 'block-request' }>;

/** A correct peer never has more requests unanswered on one channel. */
export const MAX_BLOCK_REQUESTS = 64;
/** A peer from which no block came for so long is asked no more. */
const SILENCE_MS = 10_000;

interface Pending {
  readonly buffer: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** Asking for blocks over one channel. */
export class BlockAsker {
  readonly #channel: PeerChannel;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #heardMs = 0;
  #watch: (() => void) | undefined;

  constructor(channel: PeerChannel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
  }

  /**
   * The bytes of a block, not verified yet. At most `MAX_BLOCK_REQUESTS` at a time are the caller's business.
   * @throws the code with which it was refused, WEIGHTS_UNAVAILABLE (silence), LINK_*
   */
  async ask(session: SessionId, epoch: number, block: number, lengthBytes: number): Promise<Uint8Array> {
    const request = this.#next++;
    const buffer = new Uint8Array(lengthBytes);
    const answered = new Promise<void>((resolve, reject) => {
      this.#pending.set(request, { buffer, resolve, reject });
    });
    try {
      if (this.#pending.size === 1) this.#heardMs = this.#clock.now();
      this.#channel.sendControl({ type: 'block-request', session, epoch, request, block });
      this.#listen(SILENCE_MS);
      await answered;
      return buffer;
    } finally {
      this.#pending.delete(request);
      if (this.#pending.size === 0) this.#watch?.();
    }
  }

  /** The answer to a request. Throws, which refuses the stream, when nobody waits for it (any more). */
  sink(request: number, totalBytes: number): StreamSink {
    const pending = this.#pending.get(request);
    if (pending?.buffer.length !== totalBytes) {
      throw new PeerceptronError(
        'STREAM_CANCELLED',
        `block request ${request} does not wait for these bytes`,
      );
    }
    return {
      buffer: pending.buffer,
      done: () => {
        this.#heardMs = this.#clock.now();
        pending.resolve();
      },
      failed: (error) => pending.reject(error),
    };
  }

  refused(request: number, code: ErrorCode, message: string): void {
    this.#heardMs = this.#clock.now();
    this.#pending.get(request)?.reject(new PeerceptronError(code, message, { details: { refusal: true } }));
  }

  close(error: PeerceptronError): void {
    this.#watch?.();
    for (const { reject } of this.#pending.values()) reject(error);
  }

  #listen(delayMs: number): void {
    this.#watch?.();
    this.#watch = this.#clock.after(delayMs, () => {
      this.#watch = undefined;
      const left = this.#heardMs + SILENCE_MS - this.#clock.now();
      if (left > 0) this.#listen(left);
      else {
        this.close(
          new PeerceptronError(
            'WEIGHTS_UNAVAILABLE',
            `no block came for ${SILENCE_MS / 1000} s: it is too slow`,
          ),
        );
      }
    });
  }
}

/** Answering on one channel. */
export class BlockAnswerer {
  readonly #channel: PeerChannel;
  #unanswered = 0;

  constructor(channel: PeerChannel) {
    this.#channel = channel;
  }

  /**
   * Sends what `find` brings, or the refusal that it throws.
   * @throws PROTOCOL_LIMIT for a flood, which is to end the link
   */
  answer({ request }: BlockRequest, find: () => Promise<Uint8Array>): void {
    if (this.#unanswered >= MAX_BLOCK_REQUESTS) {
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `more than ${MAX_BLOCK_REQUESTS} block requests are unanswered on this link`,
      );
    }
    this.#unanswered += 1;
    void find()
      .then((bytes) => this.#channel.sendStream({ kind: 'block', request }, bytes, { priority: 'weight' }))
      .catch((thrown: unknown) => {
        const { code, message } = toPeerceptronError(thrown, 'WEIGHTS_UNAVAILABLE');
        this.#channel.sendControl({ type: 'block-refused', request, code, message: asSentence(message) });
      })
      // The peer is gone; its loss is noticed elsewhere.
      .catch(() => undefined)
      .finally(() => (this.#unanswered -= 1));
  }
}
