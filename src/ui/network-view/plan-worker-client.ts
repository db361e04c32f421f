import { PeerceptronError } from '../../shared/errors.ts';
import type { Problem } from '../problem.ts';
import type { PlanAnswer, PlanQuestion } from './plan-preview.ts';

export type PlanWorkerAnswer =
  { readonly id: number; readonly answer: PlanAnswer } | { readonly id: number; readonly problem: Problem };

interface Waiting {
  readonly resolve: (answer: PlanAnswer) => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** Looks for plans on a thread of its own, which starts with the first question. */
export class PlanWorker {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 1;

  /** Rejects with what `answerPlanQuestion` throws, or INTERNAL where the thread cannot be had. */
  ask(question: PlanQuestion): Promise<PlanAnswer> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, question });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('./plan-worker.ts', import.meta.url), {
      type: 'module',
      name: 'plans',
    });
    worker.addEventListener('message', ({ data }: MessageEvent<PlanWorkerAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('answer' in data) waiting?.resolve(data.answer);
      else waiting?.reject(new PeerceptronError(data.problem.code, data.problem.message));
    });
    worker.addEventListener('error', (event) => {
      const why = event.message || 'its script could not be loaded';
      for (const { reject } of this.#waiting.values())
        reject(new PeerceptronError('INTERNAL', `the search for plans has failed: ${why}`));
      this.#waiting.clear();
      worker.terminate();
      this.#worker = undefined;
    });
    return worker;
  }
}
