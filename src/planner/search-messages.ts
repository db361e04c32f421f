import { PeerceptronError, toPeerceptronError, type ErrorCode, type ErrorDetails } from '../shared/errors.ts';
import type { PlanChoice } from './choice.ts';
import { runSearch, type SearchTask } from './search-task.ts';

/** A search on its way to another thread. */
export interface SearchQuestion {
  readonly id: number;
  readonly task: SearchTask;
}

/** What comes back. */
export type SearchAnswer =
  | { readonly id: number; readonly choice: PlanChoice }
  | {
      readonly id: number;
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

/** Runs the search on the thread that was asked; what it throws is an answer, too. */
export function answerSearch({ id, task }: SearchQuestion, now: () => number): SearchAnswer {
  try {
    return { id, choice: runSearch(task, now) };
  } catch (thrown) {
    const { code, message, details } = toPeerceptronError(thrown);
    return { id, error: { code, message, details } };
  }
}

interface Waiting {
  readonly resolve: (choice: PlanChoice) => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** The searches that another thread has been asked for and has not answered yet. */
export class PendingSearches {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  get count(): number {
    return this.#waiting.size;
  }

  /** Resolves, or rejects, when the thread's answer has been taken. */
  ask(task: SearchTask, post: (question: SearchQuestion) => void): Promise<PlanChoice> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      post({ id, task });
    });
  }

  take(answer: SearchAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('choice' in answer) return waiting?.resolve(answer.choice);
    const { code, message, details } = answer.error;
    waiting?.reject(new PeerceptronError(code, message, { details }));
  }

  /** The thread is gone: all that wait are told INTERNAL, and why. */
  fail(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new PeerceptronError('INTERNAL', why));
    this.#waiting.clear();
  }
}
