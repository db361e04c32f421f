import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds `test/e2e/<name>.ts` as a program for Node and returns its path. */
export async function buildChild(name: string): Promise<string> {
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
        input: { child: join(root, 'test/e2e', `${name}.ts`) },
        output: { entryFileNames: '[name].js' },
      },
    },
  });
  return join(outDir, 'child.js');
}
