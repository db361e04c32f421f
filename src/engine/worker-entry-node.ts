import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { writeFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { dense } from '../kernels/dense.wasm.ts';
import { runsKernel } from '../kernels/kernel-binary.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { createEngine } from './worker-engines.ts';
import type { EngineOptions } from './worker-protocol.ts';
import type { Engine } from './engine.ts';
import { threadTime } from './thread-time-node.ts';
import { serveEngine } from './worker-service.ts';

const port = parentPort;
if (!port) {
  throw new PeerceptronError(
    'USAGE',
    'this file is the compute worker: it is started by the program, not by hand',
  );
}
// Fused multiply-add for our kernels: browsers have it without a flag, Node 20 behind this one.
if (!runsKernel(dense, 'relaxed')) setFlagsFromString('--experimental-wasm-relaxed-simd');
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
nameThread('compute');
serveEngine(
  {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (listener) => void port.on('message', listener),
  },
  createNodeEngine,
  { time: threadTime(), collectGarbage },
);

/** Apart from `createEngine`, so that no page has it among its files. */
async function createNodeEngine(options: EngineOptions): Promise<Engine> {
  const { backend, folders = [], threads = 1 } = options;
  if (backend !== 'native') return createEngine(options);
  return (await import('./native.ts')).createNativeEngine({ folders, threads });
}

/** For `top -H`, and for whoever limits this thread alone. Only Linux has that file; a name is nothing to fail for. */
function nameThread(name: string): void {
  try {
    writeFileSync('/proc/thread-self/comm', name);
  } catch {
    // Another system.
  }
}
