import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ByteServer {
  readonly url: string;
  /** What was asked for: `GET bytes=0-9`, `HEAD`. */
  readonly requests: string[];
  close(): Promise<void>;
}

export interface ByteServerOptions {
  readonly ranges?: boolean;
  /** Sends chunks without saying how many bytes will come. */
  readonly hidesLength?: boolean;
}

/** Serves files from memory on a port of its own, with or without HTTP Range. */
export async function serveBytes(
  files: Readonly<Record<string, Uint8Array>>,
  { ranges = true, hidesLength = false }: ByteServerOptions = {},
): Promise<ByteServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push([request.method, request.headers.range].filter(Boolean).join(' '));
    const file = files[decodeURIComponent((request.url ?? '/').slice(1))];
    if (!file) return void response.writeHead(404).end();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (!ranges || from === undefined) {
      response.writeHead(200, hidesLength ? {} : { 'content-length': file.length });
      return void response.end(request.method === 'HEAD' ? undefined : file);
    }
    if (Number(from) >= file.length) {
      return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    }
    const end = Math.min(Number(to), file.length - 1);
    response.writeHead(206, { 'content-range': `bytes ${from}-${end}/${file.length}` });
    response.end(file.subarray(Number(from), end + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
