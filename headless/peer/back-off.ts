export interface BackOffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * How long to wait before the next try: twice as long each time, up to `longestMs`, and anywhere between half of that and all of it, so that
 * devices that lost the same thing at the same time do not all come back at once.
 */
export class BackOff {
  readonly #options: BackOffOptions;
  #tries = 0;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  next(): number {
    const { firstMs, longestMs, random } = this.#options;
    const limitMs = Math.min(longestMs, firstMs * 2 ** Math.min(this.#tries, 30));
    this.#tries += 1;
    return limitMs * (0.5 + random() / 2);
  }

  /** It worked. */
  reset(): void {
    this.#tries = 0;
  }
}
