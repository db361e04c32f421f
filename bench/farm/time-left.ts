/** How long the cells that are left will take, by those that were measured: of the same network where there are any. */
export class TimeLeft {
  readonly #left = new Map<string, number>();
  readonly #tookMs = new Map<string, number[]>();

  /** The network of every cell. */
  constructor(networks: readonly string[]) {
    for (const network of networks) this.#left.set(network, (this.#left.get(network) ?? 0) + 1);
  }

  took(network: string, ms: number): void {
    this.skip(network);
    this.#tookMs.set(network, [...(this.#tookMs.get(network) ?? []), ms]);
  }

  skip(network: string): void {
    this.#left.set(network, (this.#left.get(network) ?? 1) - 1);
  }

  /** Milliseconds; undefined before the first cell was measured. */
  ms(): number | undefined {
    const all = [...this.#tookMs.values()].flat();
    if (all.length === 0) return undefined;
    return [...this.#left].reduce(
      (sum, [network, count]) => sum + count * mean(this.#tookMs.get(network) ?? all),
      0,
    );
  }

  sentence(): string {
    const ms = this.ms();
    if (ms === undefined) return 'no telling yet how long it takes';
    return ms < 90_000
      ? `about ${Math.round(ms / 1000)} s left`
      : `about ${Math.round(ms / 60_000)} min left`;
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
