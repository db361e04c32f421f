import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { appShell, SERVICE_WORKER } from './scripts/build/app-shell.ts';

/** wasm threads need SharedArrayBuffer, which needs a cross-origin isolated page. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
} as const;

/**
 * Written into the built page, so that it holds whichever server serves it. Scripts and workers come from our origin
 * alone; wasm may be compiled, JavaScript may not be made from strings. `ws:` because some browsers do not count a
 * WebSocket to the page's own origin as 'self'.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  // Models come from any address that somebody names; media are clips of one's own.
  "connect-src 'self' ws: wss: http: https:",
  "media-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const strictPolicy: Plugin = {
  name: 'content-security-policy',
  // The dev server injects inline scripts for hot reloading, so it goes without.
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy },
      injectTo: 'head-prepend',
    },
  ],
};

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The pages, and the service worker, which has to have its name and to stand at the root. Tests build other things. */
const pages: Plugin = {
  name: 'pages',
  apply: 'build',
  config: ({ build }) => {
    if (build?.rollupOptions?.input !== undefined) return {};
    return {
      build: {
        rollupOptions: {
          input: {
            index: at('index.html'),
            kiosk: at('kiosk.html'),
            trust: at('trust.html'),
            'service-worker': at('src/ui/service-worker/worker.ts'),
          },
          output: {
            entryFileNames: ({ name }) =>
              name === 'service-worker' ? SERVICE_WORKER : 'assets/[name]-[hash].js',
          },
        },
      },
    };
  },
};

/** The pages: everything that a browser loads. */
export default defineConfig({
  publicDir: 'public',
  plugins: [pages, strictPolicy, appShell()],
  build: {
    outDir: 'dist/page',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: true,
    // tfjs with four backends is large, and it is needed as a whole; so is the reader of .h5 files, for those who have some.
    chunkSizeWarningLimit: 5000,
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  server: {
    headers: isolationHeaders,
    // For work on the page: `peerceptron serve` beside it introduces the peers.
    proxy: {
      '/signaling': { target: 'ws://127.0.0.1:8080', ws: true },
      '/config.json': 'http://127.0.0.1:8080',
    },
  },
  preview: { headers: isolationHeaders },
});
