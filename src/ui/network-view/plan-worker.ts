import { toPeerceptronError } from '../../shared/errors.ts';
import { answerPlanQuestion, type PlanQuestion } from './plan-preview.ts';
import type { PlanWorkerAnswer } from './plan-worker-client.ts';

/** The part of DedicatedWorkerGlobalScope that is used; its types cannot be loaded beside those of a page. */
interface WorkerScope {
  postMessage(message: PlanWorkerAnswer): void;
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent<{ readonly id: number; readonly question: PlanQuestion }>) => void,
  ): void;
}

const scope = globalThis as unknown as WorkerScope;
// A search takes a second of computing: not on the thread that draws, and moves tensors.
scope.addEventListener('message', ({ data: { id, question } }) => {
  try {
    scope.postMessage({ id, answer: answerPlanQuestion(question, () => performance.now()) });
  } catch (thrown) {
    const { code, message } = toPeerceptronError(thrown);
    scope.postMessage({ id, problem: { code, message } });
  }
});
