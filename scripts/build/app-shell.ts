import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import type { ShellFiles } from '../../src/ui/service-worker/shell-routes.ts';

/** Pages that start without their server; the others say nothing without it. */
const SHELL_PAGES = ['index.html', 'kiosk.html'];
export const SERVICE_WORKER = 'service-worker.js';

/**
 * Which files of a built page its service worker keeps: what the pages name goes first, and everything that they load afterwards
 * (engines, workers) once there is time.
 */
export function shellFiles(files: readonly string[], read: (file: string) => string): ShellFiles {
  const pages = SHELL_PAGES.filter((page) => files.includes(page));
  const texts = pages.map(read);
  const named = files.filter((file) => texts.some((text) => text.includes(`${file}"`)));
  const later = files.filter(
    (file) => file.startsWith('assets/') && !file.endsWith('.map') && !named.includes(file),
  );
  const build = createHash('sha256')
    .update([...texts, ...named, ...later].join('\n'))
    .digest('hex')
    .slice(0, 16);
  return { build, shell: [...pages, ...named], later };
}

/** Tells the built service worker which files there are: it stands at the root of the site, where it may answer for all pages. */
export function appShell(): Plugin {
  return {
    name: 'app-shell',
    apply: 'build',
    writeBundle: {
      order: 'post',
      handler({ dir }) {
        if (dir === undefined) return;
        const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
          .map((file) => file.replaceAll('\\', '/'))
          .sort();
        if (!files.includes(SERVICE_WORKER)) return;
        const list = shellFiles(files, (file) => readFileSync(join(dir, file), 'utf8'));
        const path = join(dir, SERVICE_WORKER);
        const code = readFileSync(path, 'utf8');
        // A classic script: not every browser takes a service worker that is a module.
        if (/\bimport\s*[{*"'(]/.test(code)) throw new Error(`${SERVICE_WORKER} is not one file`);
        const filled = code.replace('__SHELL__', () => JSON.stringify(list));
        if (filled === code) throw new Error(`${SERVICE_WORKER} has no place for the list of files`);
        writeFileSync(path, filled);
      },
    },
  };
}
