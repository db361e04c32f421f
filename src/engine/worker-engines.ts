import { PeerceptronError } from '../shared/errors.ts';
import type { Engine } from './engine.ts';
import type { EngineOptions } from './worker-protocol.ts';

/** What a compute worker can run everywhere; only the chosen engine's code is loaded. */
export async function createEngine({ backend, wasmPaths }: EngineOptions): Promise<Engine> {
  switch (backend) {
    case 'reference':
      return (await import('./reference.ts')).createReferenceEngine();
    case 'native':
      throw new PeerceptronError('ENGINE_UNAVAILABLE', 'the native engine runs in Node only');
    case 'wasm':
    case 'cpu':
    case 'webgl':
    case 'webgpu':
      return (await import('./tfjs.ts')).createTfjsEngine({ backend, ...(wasmPaths ? { wasmPaths } : {}) });
  }
}
