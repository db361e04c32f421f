import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles `source` as a program for Node under `.cache/<name>` and returns its path: Node 20 loads no TypeScript. */
export async function buildNodeProgram(source: string, name: string): Promise<string> {
  const outDir = join(root, '.cache', name);
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
        input: { [name]: join(root, source) },
        output: { entryFileNames: '[name].js' },
      },
    },
  });
  return join(outDir, `${name}.js`);
}
