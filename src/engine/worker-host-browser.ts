import type { Engine } from './engine.ts';
import { connectEngine, type ConnectOptions, type WorkerHost } from './worker-client.ts';

/**
 * An engine in a Worker of its own; each call starts another one.
 * @throws ENGINE_UNAVAILABLE when the worker's script cannot be loaded or the engine cannot start here.
 */
export function startBrowserEngine(options: ConnectOptions): Promise<Engine> {
  const open = (): WorkerHost =>
    hostOf(
      new Worker(new URL('./worker-entry-browser.ts', import.meta.url), { type: 'module', name: 'compute' }),
    );
  return connectEngine(open, options);
}

function hostOf(worker: Worker): WorkerHost {
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen: (listener) =>
      worker.addEventListener('message', (event: MessageEvent<unknown>) => listener(event.data)),
    onFailure(listener) {
      worker.addEventListener('error', (event) => {
        // A script that cannot be loaded gives an event without a message.
        listener(event.message || 'its script could not be loaded', event.error);
      });
      worker.addEventListener('messageerror', () => listener('a message could not be read'));
    },
    close: () => worker.terminate(),
  };
}
