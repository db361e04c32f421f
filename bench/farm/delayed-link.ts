import type { Clock } from '../../src/shared/clock.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { seededRandom, type Random } from '../../src/shared/random.ts';
import { Inbox } from '../../src/transport/inbox.ts';
import type { PeerLink } from '../../src/transport/peer-link.ts';
import { withLink } from './wrapped-rtc.ts';
import type { OpenRtc } from '../../src/transport/rtc.ts';

/** What a device's connection adds to each message, one way, whether it comes or goes. */
export interface Delay {
  readonly delayMs: number;
  /** Up to so much more, uniformly, anew for each message; none overtakes another. */
  readonly jitterMs: number;
}

export interface DelayOptions extends Delay {
  readonly clock: Clock;
  readonly random: Random;
}

/** A link over a longer way, for kernels without netem. The added time comes before the device's own queue on the way out, and after all queues on the way in. */
export class DelayedLink implements PeerLink {
  readonly maxMessageBytes: number;
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  readonly #link: PeerLink;
  readonly #inbox = new Inbox<Uint8Array>();
  readonly #out: Delayed;
  #isOpen = true;

  /** Takes over the handlers of `link`. */
  constructor(link: PeerLink, options: DelayOptions) {
    this.#link = link;
    this.maxMessageBytes = link.maxMessageBytes;
    this.#out = new Delayed(options);
    const incoming = new Delayed(options);
    link.onMessage = (message) => incoming.add(() => this.#inbox.push(message));
    // Not before the last message.
    link.onClose = (error) => {
      this.#isOpen = false;
      incoming.add(() => this.onClose?.(error));
    };
  }

  get onMessage(): ((message: Uint8Array) => void) | undefined {
    return this.#inbox.handler;
  }

  set onMessage(handler: ((message: Uint8Array) => void) | undefined) {
    this.#inbox.handler = handler;
  }

  send(message: Uint8Array): void {
    if (!this.#isOpen) throw new PeerceptronError('LINK_CLOSED', 'the link is closed');
    if (message.length > this.maxMessageBytes) {
      throw new PeerceptronError(
        'PROTOCOL_LIMIT',
        `a message of ${message.length} bytes is larger than the ${this.maxMessageBytes} that the link takes`,
      );
    }
    const kept = message.slice();
    this.#out.add(() => {
      try {
        this.#link.send(kept);
      } catch {
        // It has closed meanwhile, and says so.
      }
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#out.add(() => this.#link.close());
  }
}

/** Does things later, in the order in which it was told. */
class Delayed {
  readonly #options: DelayOptions;
  readonly #waiting: { readonly dueMs: number; readonly act: () => void }[] = [];
  #hasTimer = false;

  constructor(options: DelayOptions) {
    this.#options = options;
  }

  add(act: () => void): void {
    const { clock, random, delayMs, jitterMs } = this.#options;
    const dueMs = Math.max(
      clock.now() + delayMs + jitterMs * random.next(),
      this.#waiting.at(-1)?.dueMs ?? 0,
    );
    this.#waiting.push({ dueMs, act });
    this.#wait();
  }

  #wait(): void {
    const { clock } = this.#options;
    const [next] = this.#waiting;
    if (!next || this.#hasTimer) return;
    this.#hasTimer = true;
    clock.after(next.dueMs - clock.now(), () => {
      // As many as are due: timers of platforms are late by up to a millisecond, and must not be so for each.
      for (let due = this.#waiting[0]; due && due.dueMs <= clock.now(); due = this.#waiting[0]) {
        this.#waiting.shift();
        due.act();
      }
      this.#hasTimer = false;
      this.#wait();
    });
  }
}

/** All connections of one device. */
export function delayedRtc(
  openRtc: OpenRtc,
  delay: Delay & { readonly seed: number },
  clock: Clock,
): OpenRtc {
  const options = { ...delay, clock, random: seededRandom(delay.seed) };
  return (rtcOptions) => withLink(openRtc(rtcOptions), (link) => new DelayedLink(link, options));
}
