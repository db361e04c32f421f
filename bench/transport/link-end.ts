import type { StreamMeta } from '../../src/protocol/messages.ts';
import { asPeerId, asSessionId } from '../../src/shared/ids.ts';
import type { PeerChannel } from '../../src/transport/channel.ts';
import { createChannel } from '../../src/transport/mux.ts';
import { ResumableLink } from '../../src/transport/resumable-link.ts';
import { SpareMemory } from '../../src/transport/spare-memory.ts';
import type { OpenRtc, RtcConnection, RtcSignal } from '../../src/transport/rtc.ts';
import type { WebRtc } from '../../src/transport/simple-peer.ts';
import { RawEnd } from './raw-end.ts';

/** What carries the bytes: a bare data channel, or the product's channel over its resumable link and its adapter. */
export type Carrier = 'raw' | 'mux';

export interface EndSignal {
  readonly carrier: Carrier;
  readonly signal: RtcSignal;
}

export interface LinkEndOptions {
  readonly openRtc: OpenRtc;
  readonly webRtc: Pick<WebRtc, 'RTCPeerConnection'>;
  readonly initiator: boolean;
  readonly emit: (signal: EndSignal) => void;
}

/** The largest tensor that is sent, in bytes: C3D's first activation, 16×112×112×64 as f32. */
export const LARGEST_BYTES = 51_380_224;

const meta: StreamMeta = {
  kind: 'piece',
  session: asSessionId('5'.repeat(32)),
  epoch: 0,
  frame: 0,
  lanes: [],
  segment: 0,
  tile: 0,
  input: 0,
  piece: 0,
  codec: 'f32',
};

/**
 * One side of two connections to the same peer, one per carrier. The side that sends is told to; the other one answers
 * by itself. Runs in Node and in a page.
 */
export class LinkEnd {
  readonly opened: Promise<void>;
  readonly #raw: RawEnd;
  readonly #rtc: RtcConnection;
  readonly #data = patterned(LARGEST_BYTES);
  #channel!: PeerChannel;
  #nonce = 0;
  readonly #pongs = new Map<number, () => void>();

  constructor({ openRtc, webRtc, initiator, emit }: LinkEndOptions) {
    this.#raw = new RawEnd(webRtc, initiator, (signal) => emit({ carrier: 'raw', signal }));
    this.#rtc = openRtc({ initiator, iceServers: [] });
    this.#rtc.onSignal = (signal) => emit({ carrier: 'mux', signal });
    this.opened = Promise.all([
      this.#raw.opened,
      this.#rtc.opened.then(({ link }) => {
        this.#channel = createChannel({
          link: new ResumableLink(link, new SpareMemory(), lost),
          peer: asPeerId('0'.repeat(32)),
        });
        this.#answer();
      }),
    ]).then(() => undefined);
  }

  signal({ carrier, signal }: EndSignal): void {
    if (carrier === 'raw') this.#raw.signal(signal);
    else this.#rtc.signal(signal);
  }

  /**
   * Sends tensors of that many bytes, each queued behind the one before, as frames in flight are; the bare channel's queue is
   * kept full in the same way. Milliseconds until the other side confirms that it has them all.
   */
  async transfer(carrier: Carrier, sizeBytes: number, tensors: number): Promise<number> {
    const startMs = performance.now();
    if (carrier === 'raw') await this.#raw.transfer(this.#data, sizeBytes * tensors);
    else await this.#sendTensors(this.#data.subarray(0, sizeBytes), tensors);
    return performance.now() - startMs;
  }

  async #sendTensors(data: Uint8Array, tensors: number): Promise<void> {
    // The receiver answers every stream by a pong with the number of its bytes.
    const confirmed = new Promise<void>((resolve) => {
      let missing = tensors;
      this.#pongs.set(data.length, () => {
        missing -= 1;
        if (missing > 0) return;
        this.#pongs.delete(data.length);
        resolve();
      });
    });
    const sent = Array.from({ length: tensors }, () =>
      this.#channel.sendStream(meta, data, { priority: 'activation' }),
    );
    await Promise.all(sent);
    await confirmed;
  }

  /** Milliseconds of control round trips, one after the other, while tensors of `LARGEST_BYTES` fill the link. */
  async roundTripsUnderBulk(durationMs: number): Promise<number[]> {
    const untilMs = performance.now() + durationMs;
    const roundTripsMs: number[] = [];
    let bulk = true;
    const pings = (async () => {
      while (bulk) roundTripsMs.push(await this.#roundTrip());
    })();
    while (performance.now() < untilMs) await this.transfer('mux', LARGEST_BYTES, 1);
    bulk = false;
    await pings;
    return roundTripsMs;
  }

  /** Processor seconds of this process so far; 0 in a page, which cannot know. */
  cpuSeconds(): number {
    if (typeof process === 'undefined') return 0;
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  close(): void {
    this.#raw.close();
    this.#channel?.close();
    this.#rtc.close();
  }

  async #roundTrip(): Promise<number> {
    // Above every number of bytes.
    const nonce = LARGEST_BYTES + 1 + (this.#nonce++ % 1_000_000);
    const startMs = performance.now();
    await new Promise<void>((resolve) => {
      this.#pongs.set(nonce, () => {
        this.#pongs.delete(nonce);
        resolve();
      });
      this.#channel.sendControl({ type: 'ping', nonce });
    });
    return performance.now() - startMs;
  }

  #answer(): void {
    const channel = this.#channel;
    /** Used again: allocating 51 MB would be part of the time. */
    const spare: Uint8Array[] = [new Uint8Array(LARGEST_BYTES)];
    channel.onControl = (message) => {
      if (message.type === 'ping') channel.sendControl({ type: 'pong', nonce: message.nonce });
      else if (message.type === 'pong') this.#pongs.get(message.nonce)?.();
    };
    channel.onStream = (_meta, totalBytes) => {
      const memory = spare.pop() ?? new Uint8Array(LARGEST_BYTES);
      const buffer = memory.subarray(0, totalBytes);
      return {
        buffer,
        done: () => {
          channel.sendControl({ type: 'pong', nonce: totalBytes });
          takePattern(buffer);
          spare.push(memory);
        },
        failed: (error) => channel.close(error),
      };
    };
  }
}

function lost(cause: Error): never {
  throw cause;
}

/** A byte here and there, so that a chunk in the wrong place would show. */
const PATTERN_STEP = 4099;

function patterned(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let index = 0; index < sizeBytes; index += PATTERN_STEP) bytes[index] = index >> 8;
  return bytes;
}

/** Checks the pattern and wipes it, so that the next tensor cannot pass for this one. */
function takePattern(bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index += PATTERN_STEP) {
    if (bytes[index] !== ((index >> 8) & 255)) throw new Error(`byte ${index} of a tensor arrived wrong`);
    bytes[index] = 0xa5;
  }
}
