/** Runs asynchronous jobs one after the other, in the order in which they were added. */
export class Sequence {
  #last: Promise<unknown> = Promise.resolve();

  add<T>(job: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    // A failed job is its caller's business, not that of the jobs behind it.
    this.#last = result.catch(() => undefined);
    return result;
  }
}
