import { PendingSearches, type SearchAnswer } from '../planner/search-messages.ts';
import type { PlanSearch } from '../planner/search-task.ts';

/** Searches for plans on a thread of its own, which starts with the first search: a phone computes for seconds on one. */
export class PlanWorker {
  readonly #pending = new PendingSearches();
  #worker: Worker | undefined;

  /** Rejects with what `choosePlan` throws, or INTERNAL where the thread cannot be had. */
  readonly search: PlanSearch = (task) => {
    const worker = (this.#worker ??= this.#start());
    return this.#pending.ask(task, (question) => worker.postMessage(question));
  };

  #start(): Worker {
    const worker = new Worker(new URL('./plan-worker.ts', import.meta.url), {
      type: 'module',
      name: 'plans',
    });
    worker.addEventListener('message', ({ data }: MessageEvent<SearchAnswer>) => this.#pending.take(data));
    worker.addEventListener('error', (event) => {
      worker.terminate();
      // The next search starts another thread.
      this.#worker = undefined;
      this.#pending.fail(
        `the search for plans has failed: ${event.message || 'its script could not be loaded'}`,
      );
    });
    return worker;
  }
}
