/**
 * Events by time, those of one time in the order in which they were added. A binary heap over flat arrays: simulations
 * put hundreds of thousands of events through it.
 */
export class EventQueue {
  #times = new Float64Array(256);
  #orders = new Float64Array(256);
  #events = new Float64Array(256);
  #size = 0;
  #added = 0;

  get size(): number {
    return this.#size;
  }

  /** Of the event that comes next. Only where there is one. */
  get nextMs(): number {
    return this.#times[0]!;
  }

  add(atMs: number, event: number): void {
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    const orders = this.#orders;
    const events = this.#events;
    const order = this.#added++;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      // What is new comes behind its equals.
      if (times[parent]! <= atMs) break;
      times[at] = times[parent]!;
      orders[at] = orders[parent]!;
      events[at] = events[parent]!;
      at = parent;
    }
    times[at] = atMs;
    orders[at] = order;
    events[at] = event;
  }

  /** Takes out the event that comes next. Only where there is one. */
  take(): number {
    const times = this.#times;
    const orders = this.#orders;
    const events = this.#events;
    const taken = events[0]!;
    const size = --this.#size;
    const time = times[size]!;
    const order = orders[size]!;
    const event = events[size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const other = child + 1;
      if (
        other < size &&
        (times[other]! < times[child]! || (times[other] === times[child] && orders[other]! < orders[child]!))
      ) {
        child = other;
      }
      if (times[child]! > time || (times[child] === time && orders[child]! > order)) break;
      times[at] = times[child]!;
      orders[at] = orders[child]!;
      events[at] = events[child]!;
      at = child;
    }
    times[at] = time;
    orders[at] = order;
    events[at] = event;
    return taken;
  }

  #grow(): void {
    const wider = (array: Float64Array): Float64Array<ArrayBuffer> => {
      const copy = new Float64Array(array.length * 2);
      copy.set(array);
      return copy;
    };
    this.#times = wider(this.#times);
    this.#orders = wider(this.#orders);
    this.#events = wider(this.#events);
  }
}
