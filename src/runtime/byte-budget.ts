/** Bytes that may be under way at a time; who wants more waits in line. One that is larger than all of it goes alone. */
export class ByteBudget {
  readonly #limitBytes: number;
  readonly #waiting: { readonly sizeBytes: number; readonly resume: () => void }[] = [];
  #takenBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  async take(sizeBytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(sizeBytes)) {
      this.#takenBytes += sizeBytes;
      return;
    }
    await new Promise<void>((resume) => this.#waiting.push({ sizeBytes, resume }));
  }

  giveBack(sizeBytes: number): void {
    this.#takenBytes -= sizeBytes;
    for (let next = this.#waiting[0]; next && this.#fits(next.sizeBytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#takenBytes += next.sizeBytes;
      next.resume();
    }
  }

  #fits(sizeBytes: number): boolean {
    return this.#takenBytes === 0 || this.#takenBytes + sizeBytes <= this.#limitBytes;
  }
}
