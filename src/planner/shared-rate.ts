/**
 * A radio or cable in one direction: what travels at one time shares it equally, as reliable streams over one link do.
 * Exact for equal shares: a clock of bytes that each transfer has got so far runs slower the more there are.
 */
export class SharedRate {
  readonly #bytesPerMs: number;
  /** Bytes that a transfer has got which was there from the start. */
  #served = 0;
  #sinceMs = 0;
  /** Of each transfer under way: `#served` when it is through, and which one it is. */
  readonly #through: number[] = [];
  readonly #transfers: number[] = [];

  constructor(bytesPerMs: number) {
    this.#bytesPerMs = bytesPerMs;
  }

  begin(nowMs: number, sizeBytes: number, transfer: number): void {
    this.#advance(nowMs);
    this.#through.push(this.#served + sizeBytes);
    this.#transfers.push(transfer);
  }

  /** When the next transfer is through, if none begins before; Infinity where none is under way. */
  nextMs(): number {
    let least = Infinity;
    for (const through of this.#through) if (through < least) least = through;
    if (least === Infinity) return Infinity;
    return this.#sinceMs + (Math.max(0, least - this.#served) * this.#through.length) / this.#bytesPerMs;
  }

  /** At the time that `nextMs` gave: takes out the transfer that is through. */
  finish(nowMs: number): number {
    let least = 0;
    for (let index = 1; index < this.#through.length; index++) {
      if (this.#through[index]! < this.#through[least]!) least = index;
    }
    this.#advance(nowMs);
    const transfer = this.#transfers[least]!;
    this.#served = Math.max(this.#served, this.#through[least]!);
    const left = this.#through.length - 1;
    for (let index = least; index < left; index++) {
      this.#through[index] = this.#through[index + 1]!;
      this.#transfers[index] = this.#transfers[index + 1]!;
    }
    this.#through.length = left;
    this.#transfers.length = left;
    if (this.#through.length === 0) this.#served = 0;
    return transfer;
  }

  #advance(nowMs: number): void {
    const count = this.#through.length;
    if (count > 0) this.#served += ((nowMs - this.#sinceMs) * this.#bytesPerMs) / count;
    this.#sinceMs = nowMs;
  }
}
