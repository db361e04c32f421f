import { parentPort } from 'node:worker_threads';
import { answerSearch, type SearchQuestion } from '../src/planner/search-messages.ts';
import { PeerceptronError } from '../src/shared/errors.ts';

const port = parentPort;
if (!port) {
  throw new PeerceptronError(
    'USAGE',
    'this file searches for plans: it is started by the program, not by hand',
  );
}
port.on('message', (question: SearchQuestion) =>
  port.postMessage(answerSearch(question, () => performance.now())),
);
