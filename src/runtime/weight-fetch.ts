import { boxSize, type Box } from '../graph/box.ts';
import { transferRegion } from '../graph/region-copy.ts';
import type { ErrorCode } from '../shared/errors.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import { f32ToBytes } from '../protocol/codec.ts';
import { ByteBudget } from './byte-budget.ts';
import { partsOf, placeWithin } from './slice-parts.ts';

interface PendingRequest {
  readonly values: Float32Array;
  readonly resolve: () => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** One answer: large enough to be worth a request, small enough to be read from a file in one stretch. */
const PART_ELEMENTS = 512 * 1024;
/** Asked for at once of one requester: enough to hide the round trip, and bounds what waits anywhere. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;

export interface SliceRequest {
  readonly session: SessionId;
  readonly epoch: number;
  readonly name: string;
  readonly box: Box;
  /** The axes of the tensor in the order of the requester's file, the slowest first, where that is not their own. */
  readonly order?: readonly number[] | undefined;
  /** Told of every part that has come. */
  readonly onBytes?: (sizeBytes: number) => void;
}

/**
 * A peer's side of fetching weight slices from its requester, one channel's worth. Slices come in parts, in the order of
 * the requester's file, and go right into their buffers.
 */
export class WeightFetch {
  readonly #channel: PeerChannel;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #budget = new ByteBudget(IN_FLIGHT_BYTES);
  #next = 1;
  /** Settles when every part of the last slice has been asked for. */
  #lastAsked: Promise<void> = Promise.resolve();
  #closed: PeerceptronError | undefined;

  constructor(channel: PeerChannel) {
    this.#channel = channel;
  }

  /** Resolves to the slice, row-major. Rejects with the requester's code, or when the channel ends. */
  async fetch({ session, epoch, name, box, order, onBytes }: SliceRequest): Promise<Float32Array> {
    const values = new Float32Array(boxSize(box));
    const ask = async (part: Box): Promise<void> => {
      const place = placeWithin(part, box);
      const direct = place >= 0;
      const buffer = direct ? values.subarray(place, place + boxSize(part)) : new Float32Array(boxSize(part));
      await this.#request(buffer, (request) =>
        this.#channel.sendControl({
          type: 'weight-request',
          session,
          epoch,
          request,
          name,
          box: part.map(([start, end]): [number, number] => [start, end]),
        }),
      );
      if (!direct) transferRegion(buffer, part, values, box, part);
      onBytes?.(buffer.byteLength);
    };
    const asked: Promise<void>[] = [];
    const failures: unknown[] = [];
    const before = this.#lastAsked;
    const askAll = async (): Promise<void> => {
      await before;
      for (const part of partsOf(box, PART_ELEMENTS, order)) {
        const sizeBytes = boxSize(part) * 4;
        await this.#budget.take(sizeBytes);
        const answer = failures.length > 0 ? Promise.resolve() : ask(part);
        asked.push(
          answer
            .catch((thrown: unknown) => void failures.push(thrown))
            .finally(() => this.#budget.giveBack(sizeBytes)),
        );
      }
    };
    // Slice after slice, so that the requester's file is read in order.
    this.#lastAsked = askAll();
    await this.#lastAsked;
    await Promise.all(asked);
    if (failures.length > 0) throw failures[0];
    return values;
  }

  async #request(values: Float32Array, send: (request: number) => void): Promise<void> {
    if (this.#closed) throw this.#closed;
    const request = this.#next++;
    const answered = new Promise<void>((resolve, reject) => {
      this.#pending.set(request, { values, resolve, reject });
    });
    try {
      send(request);
      await answered;
    } finally {
      this.#pending.delete(request);
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
      done: () => pending.resolve(),
      failed: (error) => pending.reject(error),
    };
  }

  refused(request: number, code: ErrorCode, message: string): void {
    this.#pending.get(request)?.reject(new PeerceptronError(code, message));
  }

  close(error: PeerceptronError): void {
    this.#closed = error;
    for (const { reject } of this.#pending.values()) reject(error);
  }
}
