/** The files that start the pages without their server, relative to the root of the site. */
export interface ShellFiles {
  /** Another one whenever any file is another one. */
  readonly build: string;
  /** Kept before the service worker does anything. */
  readonly shell: readonly string[];
  /** Kept when they are used, or when a page asks for it. */
  readonly later: readonly string[];
}

/** What of a `Request` decides. */
export interface ShellRequest {
  readonly method: string;
  readonly mode: string;
  readonly url: string;
  readonly headers: { has(name: string): boolean };
}

export type ShellRoute =
  /** A page: from the server, and from what is kept only where that does not answer. */
  | { readonly kind: 'page'; readonly file: string }
  /** A file whose name changes with its content, or an icon: from what is kept. */
  | { readonly kind: 'file'; readonly file: string };

/** How pages are called on servers, and what their files are. */
const pageFiles: ReadonlyMap<string, string> = new Map([
  ['', 'index.html'],
  ['index.html', 'index.html'],
  ['kiosk', 'kiosk.html'],
  ['kiosk.html', 'kiosk.html'],
]);

/**
 * What the service worker does with a request; undefined leaves it to the browser as if there were no service worker. That holds for all
 * that is not a file of the build: what servers say of themselves, models and their ranges, signaling, other origins.
 */
export function routeOf(request: ShellRequest, scope: string, files: ShellFiles): ShellRoute | undefined {
  if (request.method !== 'GET' || request.headers.has('range')) return undefined;
  const url = new URL(request.url);
  const root = new URL(scope);
  if (url.origin !== root.origin || !url.pathname.startsWith(root.pathname)) return undefined;
  const path = url.pathname.slice(root.pathname.length);
  if (request.mode === 'navigate') {
    const file = pageFiles.get(path);
    return file !== undefined && files.shell.includes(file) ? { kind: 'page', file } : undefined;
  }
  if (path.endsWith('.html') || url.search !== '') return undefined;
  const isKept = files.shell.includes(path) || files.later.includes(path);
  return isKept ? { kind: 'file', file: path } : undefined;
}

const PREFIX = 'peerceptron shell ';

export const cacheNameOf = ({ build }: ShellFiles): string => `${PREFIX}${build}`;

/**
 * Which caches go when a build takes over: all of the shell but its own and the latest before, since pages of that build may still be
 * open. `names` in the order in which they were made.
 */
export function outdatedCaches(names: readonly string[], own: string): string[] {
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== own);
  return others.slice(0, -1);
}

/**
 * What a page sends to its service worker when it has time: keep everything that later starts may need. A type, because a constant of
 * both would be a file of its own, and a service worker is one file.
 */
export type ShellMessage = 'keep all';
