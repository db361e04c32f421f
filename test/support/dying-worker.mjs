/**
 * Loaded into a program before it (`--import`): all of its worker threads die when it gets SIGUSR2, as they would of a lack of memory.
 */
import threads from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';

const workers = [];
threads.Worker = class extends threads.Worker {
  constructor(...args) {
    super(...args);
    workers.push(this);
  }
};
syncBuiltinESMExports();
process.on('SIGUSR2', () => {
  for (const worker of workers.splice(0)) void worker.terminate();
});
