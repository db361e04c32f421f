/**
 * Cancels many streams at once, each by a signal of its own: of eleven listeners on one signal Node says that they
 * look like a leak.
 */
export class AbortGroup {
  readonly #controllers: AbortController[] = [];
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  /** A signal that aborts with the group; at once when the group has been aborted. */
  signal(): AbortSignal {
    const controller = new AbortController();
    if (this.#aborted) controller.abort();
    else this.#controllers.push(controller);
    return controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    for (const controller of this.#controllers.splice(0)) controller.abort();
  }
}
