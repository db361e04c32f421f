/**
 * Keeps what arrives before its handler is set, in order. A link hands messages over as soon as it opens, while the
 * layer above may need one more turn of the event loop to install its handler.
 */
export class Inbox<Item> {
  #handler: ((item: Item) => void) | undefined;
  readonly #waiting: Item[] = [];
  #delivering = false;

  get handler(): ((item: Item) => void) | undefined {
    return this.#handler;
  }

  set handler(handler: ((item: Item) => void) | undefined) {
    this.#handler = handler;
    if (handler !== undefined && this.#waiting.length > 0) queueMicrotask(() => this.#deliver());
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  push(item: Item): void {
    if (this.#handler !== undefined && this.#waiting.length === 0 && !this.#delivering) {
      this.#handler(item);
      return;
    }
    this.#waiting.push(item);
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#handler !== undefined) {
        const item = this.#waiting.shift();
        if (item === undefined) return;
        this.#handler(item);
      }
    } finally {
      this.#delivering = false;
    }
  }
}
