import { answerSearch, type SearchAnswer, type SearchQuestion } from '../planner/search-messages.ts';

/** The part of DedicatedWorkerGlobalScope that is used; its types cannot be loaded beside those of a page. */
interface WorkerScope {
  postMessage(message: SearchAnswer): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<SearchQuestion>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
// A search takes a second of computing: not on the thread that draws, and moves tensors.
scope.addEventListener('message', ({ data }) =>
  scope.postMessage(answerSearch(data, () => performance.now())),
);
