import { parentPort } from 'node:worker_threads';
import { PeerceptronError } from '../shared/errors.ts';
import { createEngine } from './worker-engines.ts';
import { serveEngine } from './worker-service.ts';

const port = parentPort;
if (!port) {
  throw new PeerceptronError(
    'USAGE',
    'this file is the compute worker: it is started by the program, not by hand',
  );
}
serveEngine(
  {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (listener) => void port.on('message', listener),
  },
  createEngine,
);
