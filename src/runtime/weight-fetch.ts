import type { Box } from '../graph/box.ts';
import { boxSize } from '../graph/box.ts';
import type { ErrorCode } from '../shared/errors.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import { f32ToBytes } from '../protocol/codec.ts';

interface PendingRequest {
  readonly values: Float32Array;
  readonly resolve: (values: Float32Array) => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** Asked for at once of one requester: enough to hide the round trip, few enough to bound what waits. */
const MAX_REQUESTS_IN_FLIGHT = 4;

/** A peer's side of fetching weight slices from its requester, one channel's worth. */
export class WeightFetch {
  readonly #channel: PeerChannel;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #waiting: (() => void)[] = [];
  #next = 1;

  constructor(channel: PeerChannel) {
    this.#channel = channel;
  }

  /** Resolves to the slice, row-major. Rejects with the requester's code, or when the channel ends. */
  async fetch(session: SessionId, epoch: number, name: string, box: Box): Promise<Float32Array> {
    if (this.#pending.size >= MAX_REQUESTS_IN_FLIGHT) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const request = this.#next++;
    const values = new Float32Array(boxSize(box));
    const slice = new Promise<Float32Array>((resolve, reject) => {
      this.#pending.set(request, { values, resolve, reject });
    });
    try {
      const mutableBox = box.map(([start, end]): [number, number] => [start, end]);
      this.#channel.sendControl({ type: 'weight-request', session, epoch, request, name, box: mutableBox });
      return await slice;
    } finally {
      this.#pending.delete(request);
      this.#waiting.shift()?.();
    }
  }

  /** The answer to a request. Throws `PROTOCOL_MALFORMED` when nobody asked or the size is wrong. */
  sink(request: number, totalBytes: number): StreamSink {
    const pending = this.#pending.get(request);
    if (pending?.values.byteLength !== totalBytes) {
      throw new PeerceptronError('PROTOCOL_MALFORMED', `weights ${request} were not asked for in this size`);
    }
    return {
      buffer: f32ToBytes(pending.values),
      done: () => pending.resolve(pending.values),
      failed: (error) => pending.reject(error),
    };
  }

  refused(request: number, code: ErrorCode, message: string): void {
    this.#pending.get(request)?.reject(new PeerceptronError(code, message));
  }

  close(error: PeerceptronError): void {
    for (const { reject } of this.#pending.values()) reject(error);
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
