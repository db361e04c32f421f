import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { PlanChoice } from '../src/planner/choice.ts';
import { runSearch, type PlanSearch, type SearchTask } from '../src/planner/search-task.ts';
import { PeerceptronError, type ErrorCode, type ErrorDetails } from '../src/shared/errors.ts';

export interface PlanQuestion {
  readonly id: number;
  readonly task: SearchTask;
}

export type PlanAnswer =
  | { readonly id: number; readonly choice: PlanChoice }
  | {
      readonly id: number;
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

interface Waiting {
  readonly resolve: (choice: PlanChoice) => void;
  readonly reject: (error: PeerceptronError) => void;
}

/**
 * Searches for plans on a thread of its own, which starts with the first search and keeps no program alive: a slow device computes for seconds
 * on one, and would neither answer nor pass on anything meanwhile.
 */
export class PlanThread {
  readonly #waiting = new Map<number, Waiting>();
  readonly #entry: string | undefined;
  #worker: Worker | undefined;
  #next = 1;

  /** @param entry path of the built `plan-worker.js`; default: beside the running program. Without one searches run on this thread. */
  constructor(entry = beside('plan-worker.js')) {
    this.#entry = entry;
  }

  /** Rejects with what `choosePlan` throws, or INTERNAL where the thread ends. */
  readonly search: PlanSearch = async (task) => {
    if (this.#entry === undefined) return runSearch(task, () => performance.now());
    const worker = (this.#worker ??= this.#start(this.#entry));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, task } satisfies PlanQuestion);
    });
  };

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#end('the search for plans was closed');
    await worker?.terminate();
  }

  #start(entry: string): Worker {
    const worker = new Worker(entry, { execArgv: [], name: 'plans' });
    worker.on('message', (answer: PlanAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (this.#waiting.size === 0) worker.unref();
      if ('choice' in answer) return waiting?.resolve(answer.choice);
      const { code, message, details } = answer.error;
      waiting?.reject(new PeerceptronError(code, message, { details }));
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
    for (const { reject } of this.#waiting.values()) reject(new PeerceptronError('INTERNAL', why));
    this.#waiting.clear();
  }
}

function beside(name: string): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  const folders = ['.', '../dist/node', '../../dist/node'];
  return folders.map((folder) => join(here, folder, name)).find((path) => existsSync(path));
}
