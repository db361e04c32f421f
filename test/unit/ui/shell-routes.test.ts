import { describe, expect, it } from 'vitest';
import { shellFiles } from '../../../scripts/build/app-shell.ts';
import { outdatedCaches, routeOf, type ShellFiles } from '../../../src/ui/service-worker/shell-routes.ts';

const scope = 'https://192.168.1.2:8080/';
const files: ShellFiles = {
  build: 'b1',
  shell: ['index.html', 'kiosk.html', 'favicon.svg', 'assets/index-AAAAAAAA.js'],
  later: ['assets/worker-entry-browser-BBBBBBBB.js', 'assets/tfjs-CCCCCCCC.wasm'],
};
const route = (path: string, changes: { method?: string; mode?: string; range?: boolean } = {}) =>
  routeOf(
    {
      method: changes.method ?? 'GET',
      mode: changes.mode ?? 'cors',
      url: new URL(path, scope).href,
      headers: { has: (name) => name === 'range' && changes.range === true },
    },
    scope,
    files,
  );
const visit = (path: string) => route(path, { mode: 'navigate' });

describe('what the service worker answers', () => {
  it('pages, by whichever name, with what stands behind ? and #', () => {
    for (const path of ['', '?engine=wasm', 'index.html', '#amber-otter.secret'])
      expect(visit(path), path).toEqual({ kind: 'page', file: 'index.html' });
    for (const path of ['kiosk', 'kiosk?dim=never', 'kiosk.html'])
      expect(visit(path), path).toEqual({ kind: 'page', file: 'kiosk.html' });
  });

  it('files of the build, those of workers included', () => {
    for (const file of [...files.shell.slice(2), ...files.later])
      expect(route(file), file).toEqual({ kind: 'file', file });
  });

  it.each([
    'config.json',
    'peerceptron.json',
    'healthz',
    'signaling',
    'models/index.json',
    'models/digits/graph.json',
    'models/digits/weights.safetensors',
    'models/assets/index-AAAAAAAA.js',
    'trust/authority.json',
    'trust/peerceptron-ca.crt',
    'assets/index-ZZZZZZZZ.js',
    'assets/index-AAAAAAAA.js?x',
    'assets/index-AAAAAAAA.js.map',
    'https://elsewhere.example/assets/index-AAAAAAAA.js',
    'http://192.168.1.2:8080/assets/index-AAAAAAAA.js',
  ])('nothing for %s', (path) => {
    expect(route(path)).toBeUndefined();
    expect(visit(path)).toBeUndefined();
  });

  it('nothing that is a part, or changes anything, or looks at a page instead of going there', () => {
    expect(route('assets/index-AAAAAAAA.js', { range: true })).toBeUndefined();
    expect(route('assets/index-AAAAAAAA.js', { method: 'HEAD' })).toBeUndefined();
    expect(route('kiosk')).toBeUndefined();
    expect(route('kiosk.html')).toBeUndefined();
    expect(visit('trust')).toBeUndefined();
  });

  it('keeps the build before its own, for pages that are still open', () => {
    const names = ['peerceptron shell a', 'models', 'peerceptron shell b', 'peerceptron shell c'];
    expect(outdatedCaches(names, 'peerceptron shell c')).toEqual(['peerceptron shell a']);
    expect(outdatedCaches(names.slice(0, 3), 'peerceptron shell c')).toEqual(['peerceptron shell a']);
    expect(outdatedCaches(['peerceptron shell c'], 'peerceptron shell c')).toEqual([]);
  });
});

describe('the list of files that the build writes', () => {
  const page = (script: string) =>
    `<link rel="icon" href="/favicon.svg" /><script src="/assets/${script}"></script>`;
  const built = [
    'assets/index-A.js',
    'assets/index-A.js.map',
    'assets/kiosk-B.js',
    'assets/tfjs-C.wasm',
    'favicon.svg',
    'index.html',
    'kiosk.html',
    'models/digits/graph.json',
    'peerceptron.json',
    'service-worker.js',
    'trust.html',
  ];
  const read = (file: string) => page(file === 'index.html' ? 'index-A.js' : 'kiosk-B.js');

  it('holds what pages name first, what they load then, and no model', () => {
    expect(shellFiles(built, read)).toMatchObject({
      shell: ['index.html', 'kiosk.html', 'assets/index-A.js', 'assets/kiosk-B.js', 'favicon.svg'],
      later: ['assets/tfjs-C.wasm'],
    });
  });

  it('is another build whenever a page or a file is another one', () => {
    const { build } = shellFiles(built, read);
    expect(shellFiles(built, read).build).toBe(build);
    expect(shellFiles(built, (file) => `${read(file)} `).build).not.toBe(build);
    const renamed = built.map((file) => file.replace('tfjs-C', 'tfjs-D'));
    expect(shellFiles(renamed, read).build).not.toBe(build);
  });
});
