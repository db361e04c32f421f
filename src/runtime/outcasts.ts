import type { Clock } from '../shared/clock.ts';
import type { PeerId } from '../shared/ids.ts';

/** For how long a peer that has failed is left out, the first time; twice as long each time after that. */
const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;

/** Peers that plans are to do without for a while, because they have failed or are leaving. */
export class Outcasts {
  readonly #clock: Clock;
  readonly #onReturn: () => void;
  readonly #out = new Map<PeerId, () => void>();
  readonly #offences = new Map<PeerId, number>();

  /** `onReturn`: somebody's time is up. */
  constructor(clock: Clock, onReturn: () => void) {
    this.#clock = clock;
    this.#onReturn = onReturn;
  }

  has(peer: PeerId): boolean {
    return this.#out.has(peer);
  }

  get peers(): readonly PeerId[] {
    return [...this.#out.keys()];
  }

  /** Its time is up already: it says itself that it is to be used again. */
  forgive(peer: PeerId): void {
    this.#out.get(peer)?.();
    this.#out.delete(peer);
  }

  /** For `forMs`, or longer each time. Who is out already stays out as it was. */
  add(peer: PeerId, forMs?: number): void {
    if (this.#out.has(peer) && forMs === undefined) return;
    this.#out.get(peer)?.();
    const offences = this.#offences.get(peer) ?? 0;
    this.#offences.set(peer, offences + 1);
    const durationMs = forMs ?? Math.min(LONGEST_MS, FIRST_MS * 2 ** offences);
    if (durationMs === Infinity) {
      this.#out.set(peer, () => undefined);
      return;
    }
    const cancel = this.#clock.after(durationMs, () => {
      this.#out.delete(peer);
      this.#onReturn();
    });
    this.#out.set(peer, cancel);
  }

  clear(): void {
    for (const cancel of this.#out.values()) cancel();
    this.#out.clear();
  }
}
