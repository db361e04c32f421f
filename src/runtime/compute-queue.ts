import type { SessionId } from '../shared/ids.ts';

interface Task {
  readonly frame: number;
  readonly run: () => Promise<void>;
}

/**
 * One tile computes at a time. Within a session the oldest frame goes first; sessions take turns, so that several
 * requesters share a peer fairly.
 */
export class ComputeQueue {
  readonly #waiting = new Map<SessionId, Task[]>();
  #running = false;

  /** `run` must not reject: it reports its own failure. */
  push(session: SessionId, frame: number, run: () => Promise<void>): void {
    const tasks = this.#waiting.get(session) ?? [];
    const position = tasks.findIndex((task) => task.frame > frame);
    tasks.splice(position < 0 ? tasks.length : position, 0, { frame, run });
    this.#waiting.set(session, tasks);
    if (!this.#running) void this.#drain();
  }

  forget(session: SessionId): void {
    this.#waiting.delete(session);
  }

  async #drain(): Promise<void> {
    this.#running = true;
    for (;;) {
      const turn = this.#waiting.entries().next();
      if (turn.done) break;
      const [session, tasks] = turn.value;
      const task = tasks.shift();
      // Re-inserting puts the session behind the others.
      this.#waiting.delete(session);
      if (tasks.length > 0) this.#waiting.set(session, tasks);
      if (task) await task.run();
    }
    this.#running = false;
  }
}
