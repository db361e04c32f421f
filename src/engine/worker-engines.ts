import type { Engine } from './engine.ts';
import type { EngineOptions } from './worker-protocol.ts';

/** What a compute worker can run; only the chosen engine's code is loaded. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { backend, ...rest } = options;
  if (backend === 'reference') return (await import('./reference.ts')).createReferenceEngine();
  return (await import('./tfjs.ts')).createTfjsEngine({ backend, ...rest });
}
