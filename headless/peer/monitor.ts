import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { exposition, EXPOSITION_TYPE, type Metric } from './exposition.ts';

/** What `/healthz` answers; with status 200 where `ok`, else 503. */
export interface Health {
  readonly ok: boolean;
  readonly [fact: string]: unknown;
}

export interface MonitorOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly health: () => Health;
  readonly metrics: () => Promise<readonly Metric[]>;
}

export interface Monitor {
  /** `http://127.0.0.1:port/` */
  readonly url: string;
  close(): void;
}

/** No page may read it: names that lead here by a trick of DNS are none of ours. */
const LOOPBACK_HOSTS = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * `/healthz` and `/metrics` for programs on this machine, on loopback alone.
 * @throws PORT_TAKEN
 */
export async function openMonitor({ port, health, metrics }: MonitorOptions): Promise<Monitor> {
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    if (path === '/healthz') {
      const said = health();
      response.writeHead(said.ok ? 200 : 503, { 'Content-Type': 'application/json' });
      response.end(`${JSON.stringify(said)}\n`);
    } else if (path === '/metrics') {
      const text = exposition(await metrics());
      response.writeHead(200, { 'Content-Type': EXPOSITION_TYPE });
      response.end(text);
    } else {
      response.writeHead(404, { 'Content-Type': 'text/plain' });
      response.end('There are /healthz and /metrics.\n');
    }
  };
  const server = createServer((request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    if (!LOOPBACK_HOSTS.test(request.headers.host ?? '')) {
      response.writeHead(403).end();
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
      return;
    }
    answer((request.url ?? '/').split('?', 1)[0]!, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new PeerceptronError(
          'PORT_TAKEN',
          `--metrics-port ${port} cannot be had (${cause.code ?? cause.message}); choose another one, or 0 for any that is free`,
          { cause },
        ),
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
