import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { dense } from '../kernels/dense.wasm.ts';
import { runsKernel } from '../kernels/kernel-binary.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { helperStartOf, nodeHelpers } from './heap-helper-node.ts';
import { serveHeap } from './heap-team.ts';
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
nameThread('compute');
const helper = helperStartOf(workerData);
if (helper) {
  await serveHeap(helper, () => port.postMessage('ready'));
} else {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  serveEngine(
    {
      post: (message, transfer) => port.postMessage(message, transfer),
      listen: (listener) => void port.on('message', listener),
    },
    createNodeEngine,
    { time: threadTime(), collectGarbage },
  );
}

/** Apart from `createEngine`, so that no page has it among its files. */
async function createNodeEngine(options: EngineOptions): Promise<Engine> {
  const { backend, folders = [], threads = 1 } = options;
  if (backend === 'native') return (await import('./native.ts')).createNativeEngine({ folders, threads });
  if (backend !== 'wasm' || threads === 1) return createEngine(options);
  const openHelper = nodeHelpers(fileURLToPath(import.meta.url));
  return (await import('./tfjs.ts')).createTfjsEngine({ backend, team: { threads, openHelper } });
}

/** For `top -H`, and for whoever limits this thread alone. Only Linux has that file; a name is nothing to fail for. */
function nameThread(name: string): void {
  try {
    writeFileSync('/proc/thread-self/comm', name);
  } catch {
    // Another system.
  }
}
