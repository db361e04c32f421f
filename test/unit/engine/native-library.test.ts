import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNativeLibrary, requireNativePackage } from '../../../src/engine/native-library.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder, with a package of that name where `code` is given. */
function folderWith(code?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'peerceptron-native-'));
  folders.push(folder);
  if (code === undefined) return folder;
  const home = join(folder, 'node_modules/onnxruntime-node');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'onnxruntime-node', main: 'index.js' }));
  writeFileSync(join(home, 'index.js'), code);
  return folder;
}

describe('the package of the native engine', () => {
  it('is taken from the first folder that has it, or from above one', () => {
    const [empty, there] = [folderWith(), folderWith('module.exports = { env: {} };')];
    const below = join(there, 'dist/node');
    expect(requireNativePackage([empty, below]).path).toContain(there);
    const library = loadNativeLibrary([empty, there]);
    expect(library.env.logLevel).toBe('error');
  });

  it('that is missing is told from one that does not load, each with what to do', () => {
    expect(() => loadNativeLibrary([folderWith()])).toThrowError(
      expect.objectContaining({
        code: 'ENGINE_UNAVAILABLE',
        message: expect.stringContaining('peerceptron engine install') as string,
        details: { backend: 'native', missing: true },
      }) as Error,
    );
    expect(() => loadNativeLibrary([folderWith('throw new Error("no GLIBC_2.28");')])).toThrowError(
      expect.objectContaining({
        code: 'ENGINE_UNAVAILABLE',
        message: expect.stringMatching(/does not load on this .*no GLIBC_2.28/) as string,
        details: { backend: 'native', missing: false },
      }) as Error,
    );
  });
});
