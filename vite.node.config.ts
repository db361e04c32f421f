import { existsSync } from 'node:fs';
import { defineConfig } from 'vite';

const programs = {
  cli: 'headless/cli.ts',
  'compute-worker': 'src/engine/worker-entry-node.ts',
  'plan-worker': 'headless/plan-worker.ts',
  signaling: 'signaling/main.ts',
  index: 'src/index.ts',
  api: 'headless/api.ts',
};

/**
 * The Node side: command line, compute worker, signaling server, library. Dependencies stay in node_modules, except
 * TensorFlow.js: what a compute worker needs of it is a fraction, and saves 12 MB in every peer. Of protobufjs a worker needs
 * only what writes.
 */
export default defineConfig({
  publicDir: false,
  ssr: { noExternal: [/^@tensorflow\//, /^@?protobufjs\b/] },
  // What Emscripten's loader asks for, in a module.
  define: { __dirname: 'import.meta.dirname' },
  build: {
    ssr: true,
    outDir: 'dist/node',
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    reportCompressedSize: false,
    rollupOptions: {
      input: Object.fromEntries(Object.entries(programs).filter(([, file]) => existsSync(file))),
      // One flat folder: `new URL('./compute-worker.js', import.meta.url)` holds in an entry and in a shared chunk.
      output: { entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' },
    },
  },
});
