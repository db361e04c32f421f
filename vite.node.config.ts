import { copyFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const programs = {
  cli: 'headless/cli.ts',
  'compute-worker': 'src/engine/worker-entry-node.ts',
  'plan-worker': 'headless/plan-worker.ts',
  'measure-device': 'headless/measure-device.ts',
  signaling: 'signaling/main.ts',
  index: 'src/index.ts',
  api: 'headless/api.ts',
};

/** Beside the program that loads them: whoever installs it needs nothing else of TensorFlow.js. */
const engineBinaries: Plugin = {
  name: 'engine-binaries',
  writeBundle({ dir }) {
    const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
    for (const file of ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm'])
      copyFileSync(join(folder, file), join(dir!, file));
  },
};

/**
 * The Node side: command line, compute worker, signaling server, library. Dependencies stay in node_modules, except
 * TensorFlow.js and what it brings along: what a compute worker needs of it is a fraction, and saves 12 MB in every peer.
 * Of protobufjs a worker needs only what writes.
 */
export default defineConfig({
  publicDir: false,
  plugins: [engineBinaries],
  ssr: { noExternal: [/^@tensorflow\//, /^@?protobufjs\b/, 'long', 'seedrandom'] },
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
