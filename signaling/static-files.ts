import type { IncomingMessage, ServerResponse } from 'node:http';
import send from 'send';

/** A folder served under a path. */
export interface StaticMount {
  /** Starts and ends with `/`. */
  readonly path: string;
  readonly dir: string;
  /** Other sites may read it (models); the page itself stays same-origin. */
  readonly shared: boolean;
}

/** Vite names its assets by content: `assets/main-B3x9_k2f.js`. */
const hashedAsset = /\/assets\/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
const ONE_YEAR_S = 365 * 24 * 3600;

/**
 * Headers of every answer. Cross-origin isolation (COOP, COEP) gives the page wasm threads; the referrer is withheld
 * because room links must not travel.
 */
export function setCommonHeaders(response: ServerResponse, shared: boolean): void {
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
  response.setHeader('Cross-Origin-Resource-Policy', shared ? 'cross-origin' : 'same-origin');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  // Nobody may frame the page to have its buttons clicked unawares.
  response.setHeader('Content-Security-Policy', "frame-ancestors 'none'; base-uri 'self'; object-src 'none'");
  if (!shared) return;
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader(
    'Access-Control-Expose-Headers',
    'Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified',
  );
}

/** The mount that answers `pathname`: the longest path that it starts with. */
export function findMount(mounts: readonly StaticMount[], pathname: string): StaticMount | undefined {
  return mounts
    .filter((mount) => pathname.startsWith(mount.path))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** Streams a file: MIME type, ETag, conditional and Range requests; 404 for dot files, 403 for paths that leave `dir`. */
export function serveFile(
  mount: StaticMount,
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  send(request, pathname.slice(mount.path.length - 1), {
    root: mount.dir,
    dotfiles: 'ignore',
    index: 'index.html',
    // `/kiosk` is `kiosk.html`.
    extensions: ['html'],
    cacheControl: false,
  })
    .on('headers', (sent: ServerResponse) => {
      const immutable = hashedAsset.test(pathname);
      sent.setHeader('Cache-Control', immutable ? `public, max-age=${ONE_YEAR_S}, immutable` : 'no-cache');
    })
    .on('error', (error: Error & { status?: number }) => {
      if (response.headersSent) response.destroy();
      else
        respondText(response, error.status ?? 500, error.status === 404 ? 'Not found' : 'Cannot serve this');
    })
    .on('directory', () => respondText(response, 404, 'Not found'))
    .pipe(response);
}

export function respondText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`${text}\n`);
}

/** Browsers take what stands behind the # along. */
export function redirect(response: ServerResponse, path: string): void {
  response.writeHead(308, { Location: path, 'Cache-Control': 'no-store' });
  response.end();
}

export function respondJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  response.end(JSON.stringify(value));
}
