import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/shared/clock.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { BLOCK_BYTES, MemoryBlockCache, type BlockCache } from '../../../src/weights/block-cache.ts';
import { cachedHttpBytes, type ReadTally } from '../../../src/weights/cached-http.ts';

/** Pauses last no time, and are counted. */
function hastyClock(): Clock & { pausesMs: number[] } {
  const pausesMs: number[] = [];
  return {
    pausesMs,
    now: () => 0,
    after: (delayMs, callback) => {
      pausesMs.push(delayMs);
      const handle = setImmediate(callback);
      return () => clearImmediate(handle);
    },
  };
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Origin {
  readonly url: string;
  readonly ranges: string[];
  bodyBytes: number;
  heads: number;
  /** Decides before an answer; true when it has answered by itself. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Cuts the connection after so many bytes of the next body, again and again. */
  cutAfter: (() => number | undefined) | undefined;
  etag: string | undefined;
}

async function originOf(file: Uint8Array): Promise<Origin> {
  const origin: Origin = {
    url: '',
    ranges: [],
    bodyBytes: 0,
    heads: 0,
    intercept: undefined,
    cutAfter: undefined,
    etag: '"1"',
  };
  const server = createServer((request, response) => {
    if (origin.intercept?.(request, response)) return;
    const headers = origin.etag === undefined ? {} : { etag: origin.etag };
    if (request.method === 'HEAD') {
      origin.heads += 1;
      return void response.writeHead(200, { ...headers, 'content-length': file.length }).end();
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')!;
    origin.ranges.push(`${from}-${to}`);
    const body = file.subarray(Number(from), Number(to) + 1);
    response.writeHead(206, {
      ...headers,
      'content-length': body.length,
      'content-range': `bytes ${from}-${to}/${file.length}`,
    });
    const cut = origin.cutAfter?.();
    if (cut === undefined || cut >= body.length) {
      origin.bodyBytes += body.length;
      return void response.end(body);
    }
    origin.bodyBytes += cut;
    // Only once they are on their way: a socket that is destroyed throws away what waits in it.
    response.write(body.subarray(0, cut), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return Object.assign(origin, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file` });
}

const random = seededRandom(5);
const file = Uint8Array.from({ length: 5 * BLOCK_BYTES + 1234 }, () => random.integer(256));

function reader(origin: Origin, cache: BlockCache = new MemoryBlockCache(1e8)) {
  const tally: ReadTally = { cacheBytes: 0, originBytes: 0 };
  const clock = hastyClock();
  return { tally, clock, bytes: cachedHttpBytes(origin.url, { cache, clock, tally }) };
}

const expectSame = (found: Uint8Array, from: number, to: number): void =>
  expect(Buffer.compare(found, file.subarray(from, to)), `${from}–${to}`).toBe(0);

describe('a file on a server, read through a cache', () => {
  it('gives the bytes of any range, the end included, and asks for every block once', async () => {
    const origin = await originOf(file);
    const { bytes } = reader(origin);
    const draw = seededRandom(8);
    expect(await bytes.size()).toBe(file.length);
    for (let i = 0; i < 60; i++) {
      const from = draw.integer(file.length);
      const to = Math.min(file.length, from + draw.integer(3 * BLOCK_BYTES));
      expectSame(await bytes.read(from, to - from), from, to);
    }
    expectSame(await bytes.read(file.length - 10, 100), file.length - 10, file.length);
    expect(await bytes.read(file.length, 10)).toHaveLength(0);
    await bytes.read(0, file.length);
    expect(origin.bodyBytes).toBe(file.length);
  });

  it('shares what is under way between readers', async () => {
    const origin = await originOf(file);
    const { bytes, tally } = reader(origin);
    const reads = await Promise.all([0, 1, 2, 3].map(() => bytes.read(100, file.length - 100)));
    for (const found of reads) expectSame(found, 100, file.length);
    expect(origin.bodyBytes).toBe(file.length);
    expect(tally).toEqual({ cacheBytes: 0, originBytes: file.length });
  });

  it('reads nothing from the server that an earlier run has cached', async () => {
    const origin = await originOf(file);
    const cache = new MemoryBlockCache(1e8);
    await reader(origin, cache).bytes.read(0, file.length);
    origin.bodyBytes = 0;
    const { bytes, tally } = reader(origin, cache);
    expectSame(await bytes.read(0, file.length), 0, file.length);
    expect(origin.bodyBytes).toBe(0);
    expect(tally).toEqual({ cacheBytes: file.length, originBytes: 0 });
  });

  it('reads a file anew that has changed, and does not mix the two', async () => {
    const origin = await originOf(file);
    const cache = new MemoryBlockCache(1e8);
    await reader(origin, cache).bytes.read(0, file.length);
    origin.bodyBytes = 0;
    origin.etag = '"2"';
    await reader(origin, cache).bytes.read(0, file.length);
    expect(origin.bodyBytes).toBe(file.length);

    const late = reader(origin, new MemoryBlockCache(1e8));
    await late.bytes.read(0, 10);
    origin.etag = '"3"';
    await expect(late.bytes.read(2 * BLOCK_BYTES, 10)).rejects.toMatchObject({ code: 'WEIGHTS_CORRUPT' });
  });

  it('does not keep a file without a validator for the next run', async () => {
    const origin = await originOf(file);
    origin.etag = undefined;
    const cache = new MemoryBlockCache(1e8);
    await reader(origin, cache).bytes.read(0, file.length);
    await reader(origin, cache).bytes.read(0, file.length);
    expect(origin.bodyBytes).toBe(2 * file.length);
  });

  it('resumes after every cut of the connection, with no byte asked for twice', async () => {
    const draw = seededRandom(3);
    const origin = await originOf(file);
    let cuts = 0;
    origin.cutAfter = () => {
      if (cuts >= 25) return undefined;
      cuts += 1;
      return draw.integer(2 * BLOCK_BYTES);
    };
    const { bytes, tally } = reader(origin);
    expectSame(await bytes.read(0, file.length), 0, file.length);
    expect(cuts).toBeGreaterThan(3);
    expect(tally.originBytes).toBe(file.length);
  });

  it('goes on after a restart of the server, and after its hiccups', async () => {
    const origin = await originOf(file);
    let refusals = 3;
    origin.intercept = (request, response) => {
      if (request.method === 'HEAD' || refusals === 0) return false;
      refusals -= 1;
      if (refusals % 2) response.destroy();
      else response.writeHead(503).end('soon');
      return true;
    };
    const { bytes, clock } = reader(origin);
    expectSame(await bytes.read(0, file.length), 0, file.length);
    expect(clock.pausesMs).toEqual([250, 500, 1000]);
  });

  it('gives up on a server that only ever breaks off, and keeps what came', async () => {
    const origin = await originOf(file);
    const cache = new MemoryBlockCache(1e8);
    let answers = 0;
    origin.cutAfter = () => (answers++ === 0 ? 3 * BLOCK_BYTES + 5 : 0);
    await expect(reader(origin, cache).bytes.read(0, file.length)).rejects.toMatchObject({
      code: 'WEIGHTS_UNAVAILABLE',
      message: expect.stringMatching(/breaks again and again.*try again later/) as string,
    });
    origin.cutAfter = undefined;
    origin.bodyBytes = 0;
    expectSame(await reader(origin, cache).bytes.read(0, file.length), 0, file.length);
    expect(origin.bodyBytes).toBe(file.length - 3 * BLOCK_BYTES);
  });

  it('says what a server refuses for good', async () => {
    const origin = await originOf(file);
    const { bytes } = reader(origin);
    await bytes.size();
    origin.intercept = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(bytes.read(0, 10)).rejects.toMatchObject({
      code: 'WEIGHTS_UNAVAILABLE',
      details: { status: 403 },
    });
  });

  it('reads a server that ignores Range as without a cache', async () => {
    const origin = await originOf(file);
    origin.intercept = (request, response) => {
      if (request.method === 'HEAD') return false;
      response.writeHead(200, { 'content-length': file.length }).end(file);
      return true;
    };
    const { bytes } = reader(origin);
    expectSame(await bytes.read(10, 1000), 10, 1010);
  });

  it('goes on for the others when the reader that began is cancelled', async () => {
    const origin = await originOf(file);
    const { bytes } = reader(origin);
    await bytes.size();
    const stop = new AbortController();
    const first = bytes.read(0, file.length, stop.signal);
    const second = bytes.read(0, file.length);
    stop.abort();
    await expect(first).rejects.toThrow();
    expectSame(await second, 0, file.length);
  });
});
