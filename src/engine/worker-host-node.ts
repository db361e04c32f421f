import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PeerceptronError } from '../shared/errors.ts';
import type { Engine } from './engine.ts';
import { connectEngine, type ConnectOptions, type WorkerHost } from './worker-client.ts';

export interface NodeEngineOptions extends ConnectOptions {
  /** Path of the built `compute-worker.js`; default: beside the running bundle, or where the build puts it. */
  readonly entry?: string;
}

/**
 * An engine in a thread of its own; each call starts another one.
 * @throws ENGINE_UNAVAILABLE when the worker was not built or the engine cannot start here.
 */
export async function startNodeEngine(options: NodeEngineOptions): Promise<Engine> {
  const { entry = computeWorkerPath(), ...rest } = options;
  return connectEngine(() => hostOf(new Worker(entry, { execArgv: [], name: 'compute' })), rest);
}

function computeWorkerPath(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, 'compute-worker.js'), join(here, '../../dist/node/compute-worker.js')];
  const found = candidates.find((path) => existsSync(path));
  if (!found) {
    throw new PeerceptronError(
      'ENGINE_UNAVAILABLE',
      'the compute worker is not built: run `npm run build`, or reinstall the package',
    );
  }
  return found;
}

function hostOf(worker: Worker): WorkerHost {
  let closing = false;
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen: (listener) => void worker.on('message', listener),
    onFailure(listener) {
      let reported = false;
      const report = (reason: string, cause?: unknown): void => {
        if (closing || reported) return;
        reported = true;
        listener(reason, cause);
      };
      worker.on('error', (error: unknown) =>
        report(error instanceof Error ? error.message : String(error), error),
      );
      worker.on('messageerror', (error) => report(`a message could not be read (${error.message})`, error));
      worker.on('exit', (code) => report(`it exited with code ${code}`));
    },
    async close() {
      closing = true;
      await worker.terminate();
    },
  };
}
