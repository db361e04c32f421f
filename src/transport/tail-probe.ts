import type { Clock } from '../shared/clock.ts';

/** Longer than an acknowledgement takes on a link that is well; far below SCTP's shortest time-out of 400 ms. */
const QUIET_MS = 25;
/** So many, one after the other: the third report of a gap makes SCTP send again what is missing (RFC 9260, 7.2.4). */
const PROBES = 4;
const STEP_MS = 4;
/** Where the receiver is busy instead, asking again helps nobody. */
const AGAIN_MS = 250;

/**
 * When the last packets of a burst are lost, nothing that follows them tells SCTP so, and it waits for a time-out of 0.4 s or
 * more. As TCP's tail loss probe (RFC 8985) does, a few small messages are sent when bytes stay unacknowledged for a
 * moment: their arrival shows the gap. One timer per burst, none per message.
 */
export class TailProbe {
  readonly #clock: Clock;
  readonly #isWaiting: () => boolean;
  readonly #ask: () => void;
  #cancel: (() => void) | undefined;
  #movedMs = 0;
  #asked = 0;

  /** `ask` makes the other side answer at once; `isWaiting` says whether something is unacknowledged. */
  constructor(clock: Clock, isWaiting: () => boolean, ask: () => void) {
    this.#clock = clock;
    this.#isWaiting = isWaiting;
    this.#ask = ask;
  }

  /** Something was sent or acknowledged. */
  moved(): void {
    this.#movedMs = this.#clock.now();
    this.#asked = 0;
    if (this.#cancel === undefined && this.#isWaiting()) this.#wait(QUIET_MS);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined;
      if (!this.#isWaiting()) return;
      const quietMs = this.#clock.now() - this.#movedMs;
      if (quietMs < QUIET_MS) return this.#wait(QUIET_MS - quietMs);
      this.#asked += 1;
      this.#ask();
      this.#wait(this.#asked % PROBES === 0 ? AGAIN_MS : STEP_MS);
    });
  }
}
