import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What the build depends on, relative to the repository root. */
export const buildInputs = [
  'src',
  'signaling',
  'headless',
  'public',
  'scripts/build',
  'index.html',
  'kiosk.html',
  'trust.html',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'vite.config.ts',
  'vite.node.config.ts',
];

/**
 * SHA-256 over the paths and contents of all files, in a fixed order. Contents rather than times: a checkout or a
 * branch switch changes times and nothing else.
 *
 * @param {string} root
 * @param {readonly string[]} paths files or folders relative to `root`; those that do not exist are left out
 */
export function fingerprint(root, paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    for (const file of filesOf(root, path)) {
      const content = readFileSync(join(root, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
  return hash.digest('hex');
}

function* filesOf(root, path) {
  const full = join(root, path);
  if (!existsSync(full)) return;
  if (!statSync(full).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(full).sort()) yield* filesOf(root, `${path}/${name}`);
}

/**
 * True when node_modules holds what the lock file asks for (optional packages for other platforms aside), as
 * npm's own record says: an `npm install` or `npm ci` run by hand counts too.
 *
 * @param {string} root
 */
export function isInstalled(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const have = packagesOf(join(root, 'node_modules/.package-lock.json'));
  if (!wanted || !have) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const found = have[path];
    if (found ? found.version !== entry.version : !entry.optional && !entry.devOptional && !entry.peer)
      return false;
  }
  return true;
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
