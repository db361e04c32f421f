import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import wasmSimd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { createEngine } from './worker-engines.ts';
import type { ThreadTime } from './shared-time.ts';
import { serveEngine } from './worker-service.ts';

/** The part of DedicatedWorkerGlobalScope that is used; its types cannot be loaded beside those of a page. */
interface WorkerScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
}

/** Workers of browsers are not told their processor time, and sleep without blocking. */
const passingTime: ThreadTime = {
  now: () => performance.now(),
  processorMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const scope = globalThis as unknown as WorkerScope;
const wasmPaths = {
  'tfjs-backend-wasm.wasm': wasm,
  'tfjs-backend-wasm-simd.wasm': wasmSimd,
};
serveEngine(
  {
    post: (message, transfer) => scope.postMessage(message, transfer),
    listen: (listener) => scope.addEventListener('message', (event) => listener(event.data)),
  },
  (options) => createEngine({ wasmPaths, ...options }),
  { time: passingTime },
);
