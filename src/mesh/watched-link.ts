import type { Clock } from '../shared/clock.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerLink } from '../transport/peer-link.ts';

/** One byte each, so that no frame of the protocol (20 bytes and more) can be taken for them. */
const PROBE = 0x3f;
const ALIVE = 0x21;
/** A probe waits this long; it is sent again at half time. */
const PROBE_TIMEOUT_MS = 4_000;
/** A member that asks more often than this is not answered each time. */
const MIN_ANSWER_PAUSE_MS = 100;

/**
 * A proven link that can ask whether the program at the other end still runs. WebRTC itself notices a killed process
 * after some 15 s, and a frozen page never: its network stack goes on answering. Rules `LIVE-*` of SPEC.md.
 */
export class WatchedLink implements PeerLink {
  onMessage: ((message: Uint8Array) => void) | undefined;
  onClose: ((error: PeerceptronError | undefined) => void) | undefined;
  readonly #link: PeerLink;
  readonly #clock: Clock;
  #lastAnswerMs = -Infinity;
  #probing: { readonly settle: (alive: boolean) => void } | undefined;

  /** Takes over the handlers of `link`. */
  constructor(link: PeerLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    link.onMessage = (message) => this.#receive(message);
    link.onClose = (error) => {
      this.#probing?.settle(true);
      this.onClose?.(error);
    };
  }

  get maxMessageBytes(): number {
    return this.#link.maxMessageBytes;
  }

  send(message: Uint8Array): void {
    this.#link.send(message);
  }

  close(): void {
    this.#link.close();
  }

  /** Calls back, once, if nothing at all comes from the other side in time. A probe that is under way is not repeated. */
  probe(onSilence: () => void): void {
    if (this.#probing) return;
    let cancelTimer = (): void => undefined;
    const settle = (alive: boolean): void => {
      cancelTimer();
      this.#probing = undefined;
      if (!alive) onSilence();
    };
    this.#probing = { settle };
    this.#say(PROBE);
    cancelTimer = this.#clock.after(PROBE_TIMEOUT_MS / 2, () => {
      this.#say(PROBE);
      cancelTimer = this.#clock.after(PROBE_TIMEOUT_MS / 2, () => settle(false));
    });
  }

  #receive(message: Uint8Array): void {
    this.#probing?.settle(true);
    if (message.length === 1 && message[0] === ALIVE) return;
    if (message.length !== 1 || message[0] !== PROBE) {
      this.onMessage?.(message);
      return;
    }
    const now = this.#clock.now();
    if (now - this.#lastAnswerMs < MIN_ANSWER_PAUSE_MS) return;
    this.#lastAnswerMs = now;
    this.#say(ALIVE);
  }

  #say(byte: number): void {
    try {
      this.#link.send(Uint8Array.of(byte));
    } catch {
      // The link has ended; its `onClose` tells.
    }
  }
}
