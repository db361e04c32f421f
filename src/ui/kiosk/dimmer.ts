import type { Clock } from '../../shared/clock.ts';

/** `?dim=90` seconds, `?dim=never`, `?dim=always`; anything else is the default. */
export function dimAfterMs(wanted: string | null): number {
  if (wanted === 'never') return Infinity;
  if (wanted === 'always') return 0;
  const seconds = Number(wanted ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 && seconds <= 86_400 ? seconds * 1000 : DEFAULT_MS;
}

const DEFAULT_MS = 120_000;

/** A screen that is bright when there is news, and dark otherwise. */
export class Dimmer {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #onChange: (isDimmed: boolean) => void;
  #isDimmed = false;
  #cancel = (): void => undefined;

  /** Begins bright, unless it is to be dark at all times. */
  constructor(options: {
    readonly clock: Clock;
    readonly afterMs: number;
    readonly onChange: (isDimmed: boolean) => void;
  }) {
    this.#clock = options.clock;
    this.#afterMs = options.afterMs;
    this.#onChange = options.onChange;
    this.wake();
  }

  /** Somebody is here, or something has happened. */
  wake(): void {
    this.#cancel();
    this.#set(this.#afterMs === 0);
    if (this.#afterMs > 0 && this.#afterMs < Infinity)
      this.#cancel = this.#clock.after(this.#afterMs, () => this.#set(true));
  }

  /** Dark at once, or bright again. */
  toggle(): void {
    if (this.#isDimmed && this.#afterMs > 0) return this.wake();
    this.#cancel();
    this.#set(true);
  }

  #set(isDimmed: boolean): void {
    if (isDimmed === this.#isDimmed) return;
    this.#isDimmed = isDimmed;
    this.#onChange(isDimmed);
  }
}
