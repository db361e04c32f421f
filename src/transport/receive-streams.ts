import {
  ACKNOWLEDGE_STEP_BYTES,
  CONNECTION_WINDOW_BYTES,
  GRANT_STEP_BYTES,
  INITIAL_CREDIT_BYTES,
  STREAM_WINDOW_BYTES,
} from '../protocol/chunk.ts';
import { FLAG_ACKNOWLEDGE, FLAG_BY_RECEIVER, HEADER_BYTES, PRIORITY, type Frame } from '../protocol/frame.ts';
import { parseStreamMeta, type StreamMeta } from '../protocol/messages.ts';
import { decodePayload, encodeReason, type Reason } from '../protocol/payload.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { StreamPriority, StreamSink } from './channel.ts';
import type { FrameWriter } from './frame-writer.ts';

/** A stream of the other side that is not complete yet. */
export interface IncomingStream {
  readonly id: number;
  readonly meta: StreamMeta;
  readonly totalBytes: number;
  readonly priority: StreamPriority;
  receivedBytes: number;
  creditBytes: number;
  phase:
    | {
        readonly state: 'held';
        readonly chunks: Uint8Array[];
        chargedBytes: number;
        unacknowledgedBytes: number;
      }
    | { readonly state: 'copying'; readonly sink: StreamSink; readonly detach: () => void }
    /** Refused here; what is still under way is counted and thrown away. */
    | { readonly state: 'discarding' }
    | { readonly state: 'over'; readonly error: PeerceptronError | undefined };
}

export interface ReceiveLimits {
  readonly maxStreamBytes: number;
  /** What may be held for streams whose sink is not known yet, beyond the connection window. */
  readonly maxHeldBytes: number;
  readonly maxOpenStreams: number;
}

/** Whatever is held costs at least this much of `maxHeldBytes`: small messages have overhead too. */
const HELD_ITEM_BYTES = 1024;

/**
 * The receiving half of a channel: checks every OPEN, DATA and CANCEL against what was announced and granted, copies,
 * grants credit and acknowledges. Violations throw a coded error, on which the channel ends the link.
 */
export class ReceiveStreams {
  readonly #writer: FrameWriter;
  readonly #limits: ReceiveLimits;
  readonly #offer: (stream: IncomingStream) => void;
  readonly #onInternalError: (error: PeerceptronError) => void;
  readonly #streams = new Map<number, IncomingStream>();
  #lastId = 0;
  #receivedBytes = 0;
  #settledBytes = 0;
  #acknowledgedBytes = 0;
  /** The sender waits for an acknowledgement of what was received. */
  #isAsked = false;
  #heldBytes = 0;

  /** `offer` is told of every stream that was opened, in order; it answers with `accept` or `refuse`. */
  constructor(
    writer: FrameWriter,
    limits: ReceiveLimits,
    offer: (stream: IncomingStream) => void,
    onInternalError: (error: PeerceptronError) => void,
  ) {
    this.#writer = writer;
    this.#limits = limits;
    this.#offer = offer;
    this.#onInternalError = onInternalError;
  }

  open(frame: Frame): void {
    if (frame.stream !== this.#lastId + 1) {
      throw violation('PROTOCOL_ORDER', `stream ${frame.stream} opened after stream ${this.#lastId}`);
    }
    const totalBytes = frame.offset;
    if (totalBytes > this.#limits.maxStreamBytes) {
      throw violation(
        'PROTOCOL_LIMIT',
        `a stream of ${totalBytes} bytes was announced; at most ${this.#limits.maxStreamBytes} are taken`,
      );
    }
    if (this.#streams.size >= this.#limits.maxOpenStreams) {
      throw violation('PROTOCOL_LIMIT', `more than ${this.#limits.maxOpenStreams} streams are open`);
    }
    this.#count(frame);
    const meta = parseStreamMeta(decodePayload(frame.payload));
    this.#lastId = frame.stream;
    const stream: IncomingStream = {
      id: frame.stream,
      meta,
      totalBytes,
      priority: frame.priority === PRIORITY.weight ? 'weight' : 'activation',
      receivedBytes: 0,
      creditBytes: Math.min(totalBytes, INITIAL_CREDIT_BYTES),
      phase: { state: 'held', chunks: [], chargedBytes: 0, unacknowledgedBytes: 0 },
    };
    this.#streams.set(stream.id, stream);
    this.#offer(stream);
    const messageBytes = HEADER_BYTES + frame.payload.length;
    if (stream.phase.state === 'held')
      this.#hold(stream, messageBytes, Math.max(messageBytes, HELD_ITEM_BYTES));
    else this.#settle(messageBytes);
  }

  data(frame: Frame): void {
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined)
      throw violation('PROTOCOL_ORDER', `data of stream ${frame.stream}, which is not open`);
    if (frame.priority !== PRIORITY[stream.priority]) {
      throw violation('PROTOCOL_MALFORMED', `stream ${stream.id} changed its priority`);
    }
    if (frame.offset !== stream.receivedBytes) {
      throw violation(
        'PROTOCOL_ORDER',
        `stream ${stream.id} continues at ${frame.offset} instead of ${stream.receivedBytes}`,
      );
    }
    const endBytes = frame.offset + frame.payload.length;
    if (endBytes > stream.creditBytes) {
      throw violation(
        'PROTOCOL_LIMIT',
        `stream ${stream.id} sent ${endBytes} bytes with credit for ${stream.creditBytes}`,
      );
    }
    this.#count(frame);
    const messageBytes = HEADER_BYTES + frame.payload.length;
    const { phase } = stream;
    stream.receivedBytes = endBytes;
    switch (phase.state) {
      case 'held':
        phase.chunks.push(frame.payload);
        this.#hold(stream, messageBytes, Math.max(messageBytes, HELD_ITEM_BYTES));
        return;
      case 'copying': {
        const taken = this.#write(stream, phase.sink, frame.payload, frame.offset);
        this.#settledBytes += messageBytes;
        if (taken) this.#progress(stream, phase);
        this.#acknowledgeIfDue();
        return;
      }
      case 'discarding':
        if (endBytes === stream.totalBytes) this.#streams.delete(stream.id);
        this.#settle(messageBytes);
        return;
      case 'over':
        throw violation('PROTOCOL_ORDER', `data of stream ${frame.stream}, which is over`);
    }
  }

  /** The sender gave up, or it confirms that it stopped after a refusal. */
  cancelledBySender(id: number, reason: Reason): void {
    if (id > this.#lastId) throw violation('PROTOCOL_ORDER', `stream ${id} was never opened`);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#end(
      stream,
      new PeerceptronError('STREAM_CANCELLED', `the sender cancelled the stream: ${reason.message}`, {
        details: { code: reason.code, by: 'sender' },
      }),
    );
  }

  /** The stream goes to `sink`. What was held is copied; a stream that ended meanwhile tells the sink so. */
  accept(stream: IncomingStream, sink: StreamSink): void {
    const { phase } = stream;
    if (phase.state === 'over') {
      if (phase.error !== undefined) this.#tellFailed(sink, phase.error);
      return;
    }
    if (phase.state !== 'held') return;
    if ('buffer' in sink && sink.buffer.length !== stream.totalBytes) {
      const error = new PeerceptronError(
        'INTERNAL',
        `a stream of ${stream.totalBytes} bytes was given a buffer of ${sink.buffer.length}`,
      );
      this.#tellFailed(sink, error);
      this.refuse(stream, error);
      return;
    }
    const { signal } = sink;
    const onAbort = (): void => {
      this.refuse(stream, toPeerceptronError(signal?.reason, 'STREAM_CANCELLED'));
    };
    const copying = {
      state: 'copying',
      sink,
      detach: () => signal?.removeEventListener('abort', onAbort),
    } as const;
    const chunks = phase.chunks.splice(0);
    this.#release(stream);
    stream.phase = copying;
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    let offset = 0;
    for (const chunk of chunks) {
      if (!this.#write(stream, sink, chunk, offset)) return;
      offset += chunk.length;
    }
    this.#progress(stream, copying);
  }

  /** Cancels at the receiver: the sender learns the error's code. */
  refuse(stream: IncomingStream, error: PeerceptronError): void {
    const { phase } = stream;
    if (phase.state === 'over' || phase.state === 'discarding') return;
    if (phase.state === 'copying') phase.detach();
    this.#release(stream);
    this.#writer.write('cancel', {
      flags: FLAG_BY_RECEIVER,
      stream: stream.id,
      payload: encodeReason({ code: error.code, message: error.message }),
    });
    if (stream.receivedBytes === stream.totalBytes) {
      this.#streams.delete(stream.id);
      stream.phase = { state: 'over', error };
    } else stream.phase = { state: 'discarding' };
    if (phase.state === 'copying') this.#tellFailed(phase.sink, error);
  }

  /** Says how much has been dealt with, whether that is news or not. */
  report(flags = 0): void {
    this.#acknowledge(0, 0, flags);
  }

  end(error: PeerceptronError): void {
    for (const stream of [...this.#streams.values()]) this.#end(stream, error);
  }

  #end(stream: IncomingStream, error: PeerceptronError): void {
    const { phase } = stream;
    this.#streams.delete(stream.id);
    this.#release(stream);
    stream.phase = { state: 'over', error };
    if (phase.state === 'copying') {
      phase.detach();
      this.#tellFailed(phase.sink, error);
    }
  }

  /** False when the sink took no more: what is wrong with the bytes is the sender's fault, and refused like any stream. */
  #write(stream: IncomingStream, sink: StreamSink, bytes: Uint8Array, offset: number): boolean {
    try {
      if ('buffer' in sink) sink.buffer.set(bytes, offset);
      else sink.write(bytes, offset);
    } catch (thrown) {
      this.refuse(stream, toPeerceptronError(thrown));
    }
    // Whatever the sink did may have ended the stream.
    return stream.phase.state === 'copying';
  }

  /** After bytes were copied: done, or more credit. */
  #progress(stream: IncomingStream, phase: { readonly sink: StreamSink; readonly detach: () => void }): void {
    if (stream.receivedBytes === stream.totalBytes) {
      this.#streams.delete(stream.id);
      stream.phase = { state: 'over', error: undefined };
      phase.detach();
      this.#acknowledgeIfDue();
      this.#guard(() => phase.sink.done());
      return;
    }
    const limitBytes = Math.min(stream.totalBytes, stream.receivedBytes + STREAM_WINDOW_BYTES);
    const moreBytes = limitBytes - stream.creditBytes;
    if (moreBytes <= 0) return;
    // An acknowledgement that is due brings the grant along: every message costs, however short.
    if (moreBytes < GRANT_STEP_BYTES && limitBytes !== stream.totalBytes && !this.#isDue()) return;
    stream.creditBytes = limitBytes;
    this.#acknowledge(stream.id, limitBytes);
  }

  /** Every OPEN and DATA counts against the window of the connection, header included. */
  #count(frame: Frame): void {
    this.#receivedBytes += HEADER_BYTES + frame.payload.length;
    if (frame.flags === FLAG_ACKNOWLEDGE) this.#isAsked = true;
    if (this.#receivedBytes - this.#acknowledgedBytes > CONNECTION_WINDOW_BYTES) {
      throw violation(
        'PROTOCOL_LIMIT',
        `more than ${CONNECTION_WINDOW_BYTES} bytes were sent without acknowledgement`,
      );
    }
  }

  /** Holds a message of a stream without a sink; acknowledged at once as long as the budget lasts. */
  #hold(stream: IncomingStream, messageBytes: number, chargeBytes: number): void {
    if (stream.phase.state !== 'held') return;
    if (this.#heldBytes + chargeBytes <= this.#limits.maxHeldBytes) {
      this.#heldBytes += chargeBytes;
      stream.phase.chargedBytes += chargeBytes;
      this.#settle(messageBytes);
    } else stream.phase.unacknowledgedBytes += messageBytes;
  }

  #release(stream: IncomingStream): void {
    if (stream.phase.state !== 'held') return;
    const { chargedBytes, unacknowledgedBytes } = stream.phase;
    this.#heldBytes -= chargedBytes;
    stream.phase.chargedBytes = 0;
    stream.phase.unacknowledgedBytes = 0;
    stream.phase.chunks.length = 0;
    this.#settle(unacknowledgedBytes);
  }

  #settle(messageBytes: number): void {
    this.#settledBytes += messageBytes;
    this.#acknowledgeIfDue();
  }

  #acknowledgeIfDue(): void {
    if (this.#isDue()) this.#acknowledge(0, 0);
  }

  #isDue(): boolean {
    const owedBytes = this.#settledBytes - this.#acknowledgedBytes;
    return owedBytes >= ACKNOWLEDGE_STEP_BYTES || (this.#isAsked && owedBytes > 0);
  }

  #acknowledge(stream: number, limitBytes: number, flags = 0): void {
    this.#acknowledgedBytes = this.#settledBytes;
    if (this.#settledBytes === this.#receivedBytes) this.#isAsked = false;
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#acknowledgedBytes % 2 ** 32, true);
    this.#writer.write('credit', { flags, stream, offset: limitBytes, payload });
  }

  #tellFailed(sink: StreamSink, error: PeerceptronError): void {
    this.#guard(() => sink.failed(error));
  }

  /** A sink that throws is a bug of this side; it must not look like a fault of the peer. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      this.#onInternalError(toPeerceptronError(thrown));
    }
  }
}

function violation(
  code: 'PROTOCOL_ORDER' | 'PROTOCOL_LIMIT' | 'PROTOCOL_MALFORMED',
  message: string,
): PeerceptronError {
  return new PeerceptronError(code, message);
}
