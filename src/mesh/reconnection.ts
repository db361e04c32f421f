import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';

/** A channel without a connection ends after this long. */
export const RESUME_TIMEOUT_MS = 30_000;
/** Sooner when the signaling server does not list the member: as long as a probe of a live connection waits. */
export const ABSENCE_TIMEOUT_MS = 4_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
const LEFT = 'is gone: it left the signaling server as well';

export interface ReconnectionOptions {
  readonly peer: PeerId;
  /** Why there is no connection; `LINK_CLOSED` when the other side closed it. */
  readonly cause: PeerceptronError;
  readonly clock: Clock;
  readonly isPresent: boolean;
  readonly dial: () => void;
  readonly giveUp: (error: PeerceptronError) => void;
}

/**
 * What happens to a channel between two connections: it is dialled until it goes on, until its time is up, or until
 * the other side is known to be gone. Rules `RES6` to `RES8` of SPEC.md.
 */
export class Reconnection {
  readonly #options: ReconnectionOptions;
  readonly #cancelDeadline: () => void;
  #cancelAbsence: (() => void) | undefined;
  #cancelPause: (() => void) | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #over = false;

  /** Dials at once. */
  constructor(options: ReconnectionOptions) {
    this.#options = options;
    this.#cancelDeadline = options.clock.after(RESUME_TIMEOUT_MS, () =>
      this.#giveUp(`could not be reached again within ${RESUME_TIMEOUT_MS / 1000} s`),
    );
    if (!options.isPresent) this.memberLeft();
    if (!this.#over) options.dial();
  }

  dialFailed(): void {
    if (this.#over) return;
    this.#cancelPause?.();
    this.#cancelPause = this.#options.clock.after(this.#pauseMs, () => this.#options.dial());
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  /** A network that failed may have taken the signaling socket with it; who closes both has left. */
  memberLeft(): void {
    if (this.#options.cause.code === 'LINK_CLOSED') return this.#giveUp(LEFT);
    this.#cancelAbsence ??= this.#options.clock.after(ABSENCE_TIMEOUT_MS, () => this.#giveUp(LEFT));
  }

  memberReturned(): void {
    this.#cancelAbsence?.();
    this.#cancelAbsence = undefined;
  }

  stop(): void {
    this.#over = true;
    this.#cancelDeadline();
    this.#cancelAbsence?.();
    this.#cancelPause?.();
  }

  #giveUp(how: string): void {
    this.stop();
    const { peer, cause, giveUp } = this.#options;
    giveUp(
      new PeerceptronError(
        'LINK_LOST',
        `The connection to device ${shortId(peer)} broke (${cause.message}), and the device ${how}.`,
        { cause },
      ),
    );
  }
}
