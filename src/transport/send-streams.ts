import { INITIAL_CREDIT_BYTES, MAX_STREAM_BYTES } from '../protocol/chunk.ts';
import { FLAG_ACKNOWLEDGE, HEADER_BYTES, PRIORITY } from '../protocol/frame.ts';
import type { StreamMeta } from '../protocol/messages.ts';
import { encodePayload, encodeReason, type Reason } from '../protocol/payload.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { SendOptions, StreamSource } from './channel.ts';
import type { FlightWindow } from './flight-window.ts';
import type { FrameWriter } from './frame-writer.ts';
import { SendSchedule, type Scheduled } from './send-schedule.ts';

interface OutgoingStream extends Scheduled {
  readonly announcement: Uint8Array;
  readonly source: StreamSource;
  /** 0 until OPEN was sent. */
  id: number;
  sentBytes: number;
  /** Granted by the receiver. */
  creditBytes: number;
  readonly resolve: () => void;
  readonly reject: (error: PeerceptronError) => void;
  readonly detach: () => void;
}

/** The sending half of a channel: streams that wait, streams under way, and which of them gets the link next. */
export class SendStreams {
  readonly #writer: FrameWriter;
  readonly #flight: FlightWindow;
  readonly #onSent: () => void;
  readonly #schedule = new SendSchedule<OutgoingStream>();
  /** Every stream that is not finished, whether it has credit or not. */
  readonly #unfinished = new Set<OutgoingStream>();
  readonly #open = new Map<number, OutgoingStream>();
  #lastId = 0;
  #arrivals = 0;
  #pumping = false;
  /** Since the pump was started. */
  #wrote = false;

  constructor(writer: FrameWriter, flight: FlightWindow, onSent: () => void) {
    this.#writer = writer;
    this.#flight = flight;
    this.#onSent = onSent;
  }

  send(meta: StreamMeta, data: Uint8Array | StreamSource, options: SendOptions): Promise<void> {
    const { signal, priority } = options;
    const source = data instanceof Uint8Array ? sourceOf(data) : data;
    return new Promise((resolve, reject) => {
      if (source.totalBytes > MAX_STREAM_BYTES) {
        throw new PeerceptronError(
          'PROTOCOL_LIMIT',
          `a stream of ${source.totalBytes} bytes is larger than ${MAX_STREAM_BYTES}`,
        );
      }
      if (signal?.aborted === true) throw cancelledHere(signal);
      const announcement = encodePayload(meta, this.#writer.payloadBytes, 'the announcement of a stream');
      const onAbort = (): void => this.#abort(stream, signal);
      const stream: OutgoingStream = {
        priority,
        session: meta.kind === 'piece' ? meta.session : '',
        frame: meta.kind === 'piece' ? meta.frame : 0,
        order: this.#arrivals++,
        announcement,
        source,
        id: 0,
        sentBytes: 0,
        creditBytes: INITIAL_CREDIT_BYTES,
        resolve,
        reject,
        detach: () => signal?.removeEventListener('abort', onAbort),
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#unfinished.add(stream);
      this.#schedule.add(stream);
      this.pump();
    });
  }

  /** CREDIT arrived: `limitBytes` of stream `id` may be sent in all. Old news of finished streams is nothing. */
  grant(id: number, limitBytes: number): void {
    if (id > this.#lastId) throw unknownStream(id);
    const stream = this.#open.get(id);
    if (stream === undefined || limitBytes <= stream.creditBytes) return;
    if (limitBytes > stream.source.totalBytes) {
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `credit of ${limitBytes} bytes for a stream of ${stream.source.totalBytes}`,
      );
    }
    const wasBlocked = stream.sentBytes >= stream.creditBytes;
    stream.creditBytes = limitBytes;
    if (wasBlocked) this.#schedule.add(stream);
  }

  /** The receiver wants no more of stream `id`. Answered, so that it knows when nothing more can be under way. */
  cancelledByReceiver(id: number, reason: Reason): void {
    if (id > this.#lastId) throw unknownStream(id);
    const stream = this.#open.get(id);
    if (stream === undefined) return;
    this.#writer.write('cancel', { stream: id, payload: encodeReason(reason) });
    this.#finish(stream);
    stream.reject(
      new PeerceptronError(
        'STREAM_CANCELLED',
        `the receiver refused the stream: ${reason.code}: ${reason.message}`,
        { details: { code: reason.code, by: 'receiver' } },
      ),
    );
  }

  /** Sends as much as credit and window admit, the most urgent first. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#writer.stopped) {
        const stream = this.#schedule.next(this.#writer.payloadBytes);
        if (stream === undefined || !this.#advance(stream)) return;
      }
    } finally {
      this.#pumping = false;
      if (this.#wrote) this.#writer.flush();
      this.#wrote = false;
    }
  }

  end(error: PeerceptronError): void {
    for (const stream of [...this.#unfinished]) {
      this.#finish(stream);
      stream.reject(error);
    }
  }

  /** One frame of `stream`; false when the window is full. */
  #advance(stream: OutgoingStream): boolean {
    const priority = PRIORITY[stream.priority];
    if (stream.id === 0) {
      const sizeBytes = HEADER_BYTES + stream.announcement.length;
      if (!this.#flight.admits(sizeBytes)) return false;
      this.#lastId += 1;
      stream.id = this.#lastId;
      this.#open.set(stream.id, stream);
      this.#account(
        stream,
        this.#writer.write('open', {
          flags: this.#flight.asks(sizeBytes) ? FLAG_ACKNOWLEDGE : 0,
          priority,
          stream: stream.id,
          offset: stream.source.totalBytes,
          payload: stream.announcement,
        }),
      );
    } else {
      const end = Math.min(
        stream.source.totalBytes,
        stream.creditBytes,
        stream.sentBytes + this.#chunkBytes(),
      );
      const sizeBytes = HEADER_BYTES + end - stream.sentBytes;
      if (!this.#flight.admits(sizeBytes)) return false;
      let payload: Uint8Array;
      try {
        payload = stream.source.read(stream.sentBytes, end);
        if (payload.length !== end - stream.sentBytes) {
          throw new PeerceptronError(
            'INTERNAL',
            `a source gave ${payload.length} of ${end - stream.sentBytes} bytes`,
          );
        }
      } catch (thrown) {
        this.#giveUp(stream, toPeerceptronError(thrown));
        return true;
      }
      const offset = stream.sentBytes;
      stream.sentBytes = end;
      const flags = this.#flight.asks(sizeBytes) ? FLAG_ACKNOWLEDGE : 0;
      this.#account(
        stream,
        this.#writer.write('data', { flags, priority, stream: stream.id, offset, payload }),
      );
    }
    if (this.#writer.stopped) return false;
    if (stream.sentBytes === stream.source.totalBytes) {
      this.#finish(stream);
      stream.resolve();
    } else if (stream.sentBytes >= stream.creditBytes) this.#schedule.remove(stream);
    return true;
  }

  /** Of the next chunk: what the message has room for beside the frames that wait, unless that is little. */
  #chunkBytes(): number {
    const mostBytes = Math.min(this.#writer.payloadBytes, this.#flight.frameBytes - HEADER_BYTES);
    return Math.max(mostBytes - this.#writer.gatheredBytes, mostBytes >> 1);
  }

  #account(stream: OutgoingStream, sizeBytes: number): void {
    if (sizeBytes === 0) return;
    this.#wrote = true;
    this.#flight.sent(sizeBytes);
    this.#onSent();
    this.#schedule.served(stream, sizeBytes);
  }

  #abort(stream: OutgoingStream, signal: AbortSignal | undefined): void {
    if (!this.#unfinished.has(stream)) return;
    const { code } = toPeerceptronError(signal?.reason, 'STREAM_CANCELLED');
    this.#giveUp(stream, cancelledHere(signal), code);
    this.pump();
  }

  #giveUp(stream: OutgoingStream, error: PeerceptronError, code = error.code): void {
    if (stream.id !== 0) {
      this.#writer.write('cancel', {
        stream: stream.id,
        payload: encodeReason({ code, message: 'the sender cancelled the stream' }),
      });
    }
    this.#finish(stream);
    stream.reject(error);
  }

  #finish(stream: OutgoingStream): void {
    this.#unfinished.delete(stream);
    this.#schedule.remove(stream);
    if (stream.id !== 0) this.#open.delete(stream.id);
    stream.detach();
  }
}

const sourceOf = (bytes: Uint8Array): StreamSource => ({
  totalBytes: bytes.length,
  read: (start, end) => bytes.subarray(start, end),
});

function cancelledHere(signal: AbortSignal | undefined): PeerceptronError {
  return new PeerceptronError('STREAM_CANCELLED', 'the stream was cancelled by its sender', {
    cause: signal?.reason,
    details: { by: 'sender' },
  });
}

function unknownStream(id: number): PeerceptronError {
  return new PeerceptronError('PROTOCOL_ORDER', `stream ${id} was never opened`);
}
