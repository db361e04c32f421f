import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PendingSearches, type SearchAnswer } from '../src/planner/search-messages.ts';
import { runSearch, type PlanSearch } from '../src/planner/search-task.ts';

/** Its name, as the system knows it. */
export const PLAN_THREAD = 'plans';

/**
 * Searches for plans on a thread of its own, which starts with the first search and keeps no program alive: a slow device computes for seconds
 * on one, and would neither answer nor pass on anything meanwhile.
 */
export class PlanThread {
  readonly #pending = new PendingSearches();
  readonly #entry: string | undefined;
  #worker: Worker | undefined;

  /** @param entry path of the built `plan-worker.js`; default: beside the running program. Without one searches run on this thread. */
  constructor(entry = beside('plan-worker.js')) {
    this.#entry = entry;
  }

  /** Rejects with what `choosePlan` throws, or INTERNAL where the thread ends. */
  readonly search: PlanSearch = async (task) => {
    if (this.#entry === undefined) return runSearch(task, () => performance.now());
    const worker = (this.#worker ??= this.#start(this.#entry));
    return this.#pending.ask(task, (question) => {
      worker.ref();
      worker.postMessage(question);
    });
  };

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#end('the search for plans was closed');
    await worker?.terminate();
  }

  #start(entry: string): Worker {
    const worker = new Worker(entry, { execArgv: [], name: PLAN_THREAD });
    worker.on('message', (answer: SearchAnswer) => {
      this.#pending.take(answer);
      if (this.#pending.count === 0) worker.unref();
    });
    worker.on('error', (error: unknown) => {
      if (worker === this.#worker)
        this.#end(`the search for plans failed: ${error instanceof Error ? error.message : String(error)}`);
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#end('the search for plans ended');
    });
    return worker;
  }

  /** The next search starts another thread. */
  #end(why: string): void {
    this.#worker = undefined;
    this.#pending.fail(why);
  }
}

function beside(name: string): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  const folders = ['.', '../dist/node', '../../dist/node'];
  return folders.map((folder) => join(here, folder, name)).find((path) => existsSync(path));
}
