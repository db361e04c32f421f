import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles the compute worker as the Node build does and returns its path: worker threads of Node 20 load no TypeScript. */
export async function buildComputeWorker(): Promise<string> {
  const outDir = join(root, '.cache/compute-worker');
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: true,
      outDir,
      emptyOutDir: true,
      target: 'node20',
      rollupOptions: {
        input: { 'compute-worker': join(root, 'src/engine/worker-entry-node.ts') },
        output: { entryFileNames: '[name].js' },
      },
    },
  });
  return join(outDir, 'compute-worker.js');
}
