import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { serveFile } from '../../signaling/static-files.ts';
import type { Box, Shape } from '../../src/graph/box.ts';

export interface SliceRequest {
  readonly url: string;
  readonly layout: 'own' | 'tfjs';
  readonly tensor: string;
  readonly shape: Shape;
  readonly box: Box;
}

export interface LoadedSlice {
  readonly elapsedMs: number;
  /** Peak of resident memory while loading, over what was resident before and the slice itself. */
  readonly overSliceBytes: number;
  readonly checksum: number;
}

/** Enough to notice elements in wrong places. */
export function checksumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 997) sum += values[i]! * ((i % 1009) + 1);
  return sum;
}

/** Loads a slice in a process of its own. */
export async function loadSlice(request: SliceRequest): Promise<LoadedSlice> {
  const program = fileURLToPath(new URL('./load-slice.process.js', import.meta.url));
  const child = fork(program, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc'],
  });
  try {
    child.send(request);
    const [loaded] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the loading process ended with code ${code}`);
      }),
    ])) as [LoadedSlice];
    return loaded;
  } finally {
    child.kill();
  }
}

export interface CountingServer {
  readonly url: string;
  /** Bytes of bodies sent so far. */
  sentBytes(): number;
  close(): Promise<void>;
}

/** The program's own file server, with a count of what it sends. */
export async function countingServer(dir: string): Promise<CountingServer> {
  let sent = 0;
  const server = createServer((request, response) => {
    const write = response.write.bind(response) as (...written: unknown[]) => boolean;
    response.write = (...written: unknown[]): boolean => {
      sent += (written[0] as Uint8Array).length;
      return write(...written);
    };
    serveFile({ path: '/', dir, shared: true }, request.url ?? '/', request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sent,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
