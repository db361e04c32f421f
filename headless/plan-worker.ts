import { parentPort } from 'node:worker_threads';
import { runSearch } from '../src/planner/search-task.ts';
import { PeerceptronError, toPeerceptronError } from '../src/shared/errors.ts';
import type { PlanAnswer, PlanQuestion } from './plan-thread.ts';

const port = parentPort;
if (!port) {
  throw new PeerceptronError(
    'USAGE',
    'this file searches for plans: it is started by the program, not by hand',
  );
}
port.on('message', ({ id, task }: PlanQuestion) => {
  let answer: PlanAnswer;
  try {
    answer = { id, choice: runSearch(task, () => performance.now()) };
  } catch (thrown) {
    const { code, message, details } = toPeerceptronError(thrown);
    answer = { id, error: { code, message, details } };
  }
  port.postMessage(answer);
});
