import { MAX_CONTROL_BYTES, MAX_STREAM_BYTES } from '../protocol/chunk.ts';
import {
  decodeFrames,
  FLAG_ACKNOWLEDGE,
  FLAG_BY_RECEIVER,
  FLAG_LAST,
  type Frame,
} from '../protocol/frame.ts';
import { parseControlMessage, type ControlMessage, type StreamMeta } from '../protocol/messages.ts';
import { decodePayload, decodeReason, encodePayload, encodeReason } from '../protocol/payload.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { Arrivals } from './arrivals.ts';
import { afterTask } from './after-task.ts';
import type { ControlOptions, PeerChannel, SendOptions, StreamSink, StreamSource } from './channel.ts';
import { ControlAssembly } from './control-assembly.ts';
import { FlightWindow } from './flight-window.ts';
import { FrameWriter } from './frame-writer.ts';
import type { PeerLink } from './peer-link.ts';
import { ReceiveStreams, type IncomingStream, type ReceiveLimits } from './receive-streams.ts';
import { SendStreams } from './send-streams.ts';
import { TailProbe } from './tail-probe.ts';

export interface ChannelOptions {
  /** Open and authenticated. The channel takes over its `onMessage` and `onClose`. */
  readonly link: PeerLink;
  readonly peer: PeerId;
  /** Measures round trips to size the send window, and bounds how long a close may take. The default is the real one. */
  readonly clock?: Clock;
  /** Calls back when the task that runs now is over: short frames wait for that, and share a message. */
  readonly defer?: (callback: () => void) => void;
  readonly limits?: Partial<ReceiveLimits>;
}

const DEFAULT_LIMITS: ReceiveLimits = {
  maxStreamBytes: MAX_STREAM_BYTES,
  maxHeldBytes: 4 * 1024 * 1024,
  maxOpenStreams: 16_384,
};

const realClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** How long the other side has to answer CLOSE by closing the link. */
const CLOSE_LINGER_MS = 1_000;

/**
 * Multiplexes control messages and byte streams over one link by the rules of `protocol/SPEC.md`.
 * @throws PROTOCOL_LIMIT when the link's messages are too small for the protocol.
 */
export function createChannel(options: ChannelOptions): PeerChannel {
  return new MuxChannel(options);
}

class MuxChannel implements PeerChannel {
  readonly peer: PeerId;
  readonly closed: Promise<PeerceptronError | undefined>;
  readonly #link: PeerLink;
  readonly #writer: FrameWriter;
  readonly #flight: FlightWindow;
  readonly #sending: SendStreams;
  readonly #receiving: ReceiveStreams;
  readonly #probe: TailProbe;
  readonly #arrivals = new Arrivals();
  readonly #assembly = new ControlAssembly();
  #settleClosed!: (error: PeerceptronError | undefined) => void;
  #onControl: PeerChannel['onControl'];
  #onStream: PeerChannel['onStream'];
  readonly #clock: Clock;
  #sequence = 0;
  #ended = false;

  constructor({ link, peer, clock = realClock, defer = afterTask, limits }: ChannelOptions) {
    this.peer = peer;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    this.#link = link;
    this.#clock = clock;
    this.#writer = new FrameWriter({ link, clock, defer, onFailure: (error) => this.#end(error) });
    this.#flight = new FlightWindow(clock);
    this.#probe = new TailProbe(
      clock,
      () => !this.#ended && this.#flight.inFlightBytes > 0,
      () => this.#receiving.report(FLAG_ACKNOWLEDGE),
    );
    this.#sending = new SendStreams(this.#writer, this.#flight, () => this.#probe.moved());
    this.#receiving = new ReceiveStreams(
      this.#writer,
      { ...DEFAULT_LIMITS, ...limits },
      (stream) => this.#arrivals.push({ kind: 'stream', stream }),
      (error) => this.close(error),
    );
    link.onMessage = (message) => this.#receive(message);
    link.onClose = (error) => this.#end(error);
  }

  get onControl(): PeerChannel['onControl'] {
    return this.#onControl;
  }

  set onControl(handler: PeerChannel['onControl']) {
    this.#onControl = handler;
    this.#arrivals.setHandlers({
      control: handler && (({ message }) => this.#deliverControl(handler, message)),
    });
  }

  get onStream(): PeerChannel['onStream'] {
    return this.#onStream;
  }

  set onStream(handler: PeerChannel['onStream']) {
    this.#onStream = handler;
    this.#arrivals.setHandlers({ stream: handler && (({ stream }) => this.#deliverStream(handler, stream)) });
  }

  sendControl(message: ControlMessage, { lingerMs = 0 }: ControlOptions = {}): void {
    if (this.#ended) throw closedError(this.peer);
    const bytes = encodePayload(message, MAX_CONTROL_BYTES, `the control message "${message.type}"`);
    const step = this.#writer.payloadBytes;
    for (let offset = 0; offset < bytes.length; offset += step) {
      const flags = offset + step >= bytes.length ? FLAG_LAST : 0;
      const payload = bytes.subarray(offset, offset + step);
      this.#writer.write('control', { flags, offset, payload }, lingerMs);
    }
  }

  sendStream(meta: StreamMeta, data: Uint8Array | StreamSource, options: SendOptions): Promise<void> {
    if (this.#ended) return Promise.reject(closedError(this.peer));
    return this.#sending.send(meta, data, options);
  }

  close(error?: PeerceptronError): void {
    if (this.#ended) return;
    this.#writer.write('close', error === undefined ? {} : { payload: encodeReason(error) });
    this.#writer.flush();
    const wasSent = !this.#writer.stopped;
    this.#end(error, wasSent ? 'linger' : 'now');
  }

  #receive(message: Uint8Array): void {
    if (this.#ended) return;
    try {
      for (const frame of decodeFrames(message)) {
        if (frame.sequence !== this.#sequence) {
          throw new PeerceptronError(
            'PROTOCOL_ORDER',
            `frame ${frame.sequence} arrived instead of frame ${this.#sequence}`,
          );
        }
        this.#sequence = (this.#sequence + 1) >>> 0;
        this.#dispatch(frame);
        if (this.#isOver()) return;
      }
    } catch (thrown) {
      this.close(toPeerceptronError(thrown));
    }
  }

  /** Whatever a frame set off may have ended the channel. */
  #isOver(): boolean {
    return this.#ended;
  }

  #dispatch(frame: Frame): void {
    switch (frame.type) {
      case 'control': {
        const encoded = this.#assembly.add(frame);
        if (encoded === undefined) return;
        const message = parseControlMessage(decodePayload(encoded));
        this.#arrivals.push({ kind: 'control', message, sizeBytes: encoded.length });
        return;
      }
      case 'open':
        this.#receiving.open(frame);
        return;
      case 'data':
        this.#receiving.data(frame);
        return;
      case 'credit': {
        const { payload, stream, offset } = frame;
        const total32 = new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true);
        if (this.#flight.acknowledge(total32)) this.#probe.moved();
        if (frame.flags === FLAG_ACKNOWLEDGE) this.#receiving.report();
        if (stream !== 0) this.#sending.grant(stream, offset);
        this.#sending.pump();
        return;
      }
      case 'cancel': {
        const reason = decodeReason(frame.payload);
        if (frame.flags === FLAG_BY_RECEIVER) {
          this.#sending.cancelledByReceiver(frame.stream, reason);
          this.#sending.pump();
        } else this.#receiving.cancelledBySender(frame.stream, reason);
        return;
      }
      case 'close': {
        if (frame.payload.length === 0) {
          this.#end(undefined);
          return;
        }
        const { code, message } = decodeReason(frame.payload);
        this.#end(
          new PeerceptronError(code, `the other side ended the link: ${message}`, {
            details: { by: 'remote' },
          }),
        );
        return;
      }
      default:
        unreachable(frame.type);
    }
  }

  #deliverControl(handler: (message: ControlMessage) => void, message: ControlMessage): void {
    if (this.#ended) return;
    try {
      handler(message);
    } catch (thrown) {
      this.close(toPeerceptronError(thrown));
    }
  }

  #deliverStream(handler: NonNullable<PeerChannel['onStream']>, stream: IncomingStream): void {
    if (stream.phase.state !== 'held') return;
    const refuse = (thrown: unknown): void => this.#receiving.refuse(stream, toPeerceptronError(thrown));
    let sink: StreamSink | Promise<StreamSink>;
    try {
      sink = handler(stream.meta, stream.totalBytes);
    } catch (thrown) {
      refuse(thrown);
      return;
    }
    if (sink instanceof Promise) {
      sink.then((known) => this.#receiving.accept(stream, known)).catch(refuse);
    } else this.#receiving.accept(stream, sink);
  }

  /**
   * The first end counts. Everything that waits learns of it, and the link is closed: by the other side when it reads
   * CLOSE, because a link that is closed at once may throw away what it has queued, the reason included.
   */
  #end(error: PeerceptronError | undefined, closeLink: 'now' | 'linger' = 'now'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#probe.stop();
    this.#writer.stop();
    const consequence =
      error === undefined
        ? closedError(this.peer)
        : error.code.startsWith('LINK_')
          ? error
          : new PeerceptronError('LINK_LOST', `the link ended: ${error.message}`, { cause: error });
    this.#sending.end(consequence);
    this.#receiving.end(consequence);
    this.#arrivals.clear();
    if (closeLink === 'now') this.#link.close();
    else {
      const cancel = this.#clock.after(CLOSE_LINGER_MS, () => this.#link.close());
      this.#link.onClose = () => cancel();
    }
    this.#settleClosed(error);
  }
}

function closedError(peer: PeerId): PeerceptronError {
  return new PeerceptronError('LINK_CLOSED', `the link to ${peer} is closed`);
}
