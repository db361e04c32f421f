import { buildNodeProgram } from '../support/node-program.ts';

/** Bundles the compute worker as the Node build does and returns its path: worker threads of Node 20 load no TypeScript. */
export const buildComputeWorker = (): Promise<string> =>
  buildNodeProgram('src/engine/worker-entry-node.ts', 'compute-worker');
