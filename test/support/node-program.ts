import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { isAlive } from './program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const built = new Map<string, Promise<string>>();

/**
 * Bundles `source` as a program for Node and returns its path: Node 20 loads no TypeScript. Once per process, in a folder of its own under
 * `.cache`: other processes bundle it at the same time, and run it.
 */
export function buildNodeProgram(source: string, name: string): Promise<string> {
  let path = built.get(name);
  if (!path) built.set(name, (path = bundled(source, name)));
  return path;
}

async function bundled(source: string, name: string): Promise<string> {
  const cache = join(root, '.cache');
  tidyUp(cache);
  const outDir = join(cache, `program-${name}-${process.pid}`);
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: true,
      outDir,
      target: 'node20',
      rollupOptions: {
        input: { [name]: join(root, source) },
        output: { entryFileNames: '[name].js' },
      },
    },
  });
  return join(outDir, `${name}.js`);
}

/** Tests are ended before they could do it: here are the folders of processes that are gone. */
function tidyUp(cache: string): void {
  for (const folder of existsSync(cache) ? readdirSync(cache) : []) {
    const [, pid] = /^program-.*-(\d+)$/.exec(folder) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(cache, folder), { recursive: true, force: true });
    } catch {
      // Another process is at it as well.
    }
  }
}
