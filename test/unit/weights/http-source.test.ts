import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import type { ByteSource } from '../../../src/weights/byte-source.ts';
import { httpBytes, type HttpBytesOptions } from '../../../src/weights/http-source.ts';
import { readStoredBox } from '../../../src/weights/box-reader.ts';
import { Turnstile } from '../../../src/weights/parallel.ts';

const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31) % 251);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server whose answers the test writes; `count` numbers GET requests from 1. */
async function server(answer: Answer): Promise<{ url: string; ranges: string[] }> {
  const ranges: string[] = [];
  const http = createServer((request, response) => {
    if (request.method === 'GET') ranges.push(request.headers.range ?? '');
    answer(request, response, ranges.length);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/w.bin`, ranges };
}

const rangeOf = (request: IncomingMessage): [number, number] => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!;
  return [Number(from), Math.min(Number(to), bytes.length - 1)];
};

const partial = (
  request: IncomingMessage,
  headers: Record<string, string> = {},
): Record<string, string | number> => {
  const [from, to] = rangeOf(request);
  return {
    'content-range': `bytes ${from}-${to}/${bytes.length}`,
    'content-length': to - from + 1,
    ...headers,
  };
};

const send = (
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string> = {},
): void => {
  const [from, to] = rangeOf(request);
  response.writeHead(206, partial(request, headers)).end(bytes.subarray(from, to + 1));
};

/** Pauses are noted, not waited for. */
function patient(url: string, pauses: number[] = [], options: HttpBytesOptions = {}): ByteSource {
  return httpBytes(url, { pause: async (delayMs) => void pauses.push(delayMs), ...options });
}

async function refusal(promise: Promise<unknown>): Promise<PeerceptronError> {
  const error = await promise.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerceptronError);
  return error as PeerceptronError;
}

describe('files on servers that fail', () => {
  it('a connection that breaks is resumed at the byte that it broke at', async () => {
    const { url, ranges } = await server((request, response, count) => {
      if (count > 3) return send(request, response);
      const [from] = rangeOf(request);
      response.writeHead(206, partial(request));
      // Half of it is written; then the connection is cut.
      response.write(bytes.subarray(from, from + 10_000), () => response.destroy());
    });
    const pauses: number[] = [];
    const read = await patient(url, pauses).read(1000, 150_000);
    expect(Buffer.compare(read, bytes.subarray(1000, 151_000))).toBe(0);
    expect(ranges).toHaveLength(4);
    const starts = ranges.map((range) => Number(/=(\d+)/.exec(range)![1]));
    expect(starts[0]).toBe(1000);
    for (const [index, start] of starts.entries()) {
      if (index > 0) expect(start).toBeGreaterThan(starts[index - 1]!);
      expect(start).toBeLessThanOrEqual(1000 + index * 10_000);
    }
    // There was progress each time: nobody has to wait longer and longer.
    expect(pauses.every((delayMs) => delayMs < 500)).toBe(true);
  });

  it('an answer that ends early without saying so is resumed too', async () => {
    const { url, ranges } = await server((request, response, count) => {
      if (count > 1) return send(request, response);
      const [from, to] = rangeOf(request);
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}` });
      response.end(bytes.subarray(from, from + 10));
    });
    expect(await patient(url).read(50, 100)).toEqual(bytes.subarray(50, 150));
    expect(ranges).toEqual(['bytes=50-149', 'bytes=60-149']);
  });

  it('a busy server is asked again, later each time, or when it says', async () => {
    const { url, ranges } = await server((request, response, count) => {
      if (count <= 2) return void response.writeHead(503).end();
      if (count === 3) return void response.writeHead(429, { 'retry-after': '7' }).end();
      send(request, response);
    });
    const pauses: number[] = [];
    expect(await patient(url, pauses).read(0, 10)).toEqual(bytes.subarray(0, 10));
    expect(ranges).toHaveLength(4);
    expect(pauses[0]).toBeGreaterThanOrEqual(187);
    expect(pauses[1]).toBeGreaterThanOrEqual(375);
    expect(pauses[2]).toBe(7000);
  });

  it('is given up after some attempts, with status and address', async () => {
    const { url, ranges } = await server((_request, response) => void response.writeHead(503).end());
    const error = await refusal(patient(url).read(0, 10));
    expect(error).toMatchObject({ code: 'WEIGHTS_UNAVAILABLE', details: { url, status: 503 } });
    expect(error.message).toContain(url);
    expect(ranges).toHaveLength(6);
  });

  it('one that was never heard of is not waited for; one that is refused for good neither', async () => {
    const gone = await server(() => undefined);
    for (const close of closing.splice(0)) await close();
    const pauses: number[] = [];
    expect((await refusal(patient(gone.url, pauses).read(0, 10))).message).toMatch(/no answer/);
    const { url } = await server((_request, response) => void response.writeHead(403).end());
    expect((await refusal(patient(url, pauses).read(0, 10))).message).toMatch(/HTTP 403.*refuses access/);
    expect(pauses).toEqual([]);
  });

  it('a file that is replaced meanwhile is found out: by its tag, its date or its size', async () => {
    for (const change of [
      (count: number) => ({ etag: `"v${count}"` }),
      (count: number) => ({ etag: `W/"v${count}"` }),
      (count: number) => ({ 'last-modified': `Mon, 0${count} Jan 2024 00:00:00 GMT` }),
      (count: number) => ({ 'content-range': `bytes 0-9/${bytes.length + count}` }),
    ]) {
      const { url } = await server((request, response, count) => send(request, response, change(count)));
      const source = patient(url);
      await source.read(0, 10);
      const error = await refusal(source.read(0, 10));
      expect(error.code).toBe('WEIGHTS_CORRUPT');
      expect(error.message).toContain(`${url} was replaced`);
    }
  });

  it('asks for the version that it began with, and knows an answer of another', async () => {
    const conditions: (string | undefined)[] = [];
    const { url } = await server((request, response, count) => {
      conditions.push(request.headers['if-range'] as string | undefined);
      if (count === 1) return send(request, response, { etag: '"one"' });
      response.writeHead(200, { etag: '"two"' }).end(bytes);
    });
    const source = patient(url);
    await source.read(0, 10);
    expect((await refusal(source.read(10, 10))).code).toBe('WEIGHTS_CORRUPT');
    expect(conditions).toEqual([undefined, '"one"']);
  });

  it('another range than was asked for, or more of it, is not taken', async () => {
    for (const headers of [
      { 'content-range': 'bytes 5-14/200000' },
      { 'content-range': 'bytes 0-99/200000', 'content-length': '100' },
      { 'content-range': 'characters 0-9/200000' },
    ]) {
      const { url } = await server(
        (_request, response) => void response.writeHead(206, headers).end(bytes.subarray(0, 100)),
      );
      const error = await refusal(patient(url).read(0, 10));
      expect(error.code).toBe('WEIGHTS_CORRUPT');
      expect(error.message).toMatch(/another range than bytes 0–9/);
    }
  });

  it('a broken server that ignores Range is resumed as well', async () => {
    const { url, ranges } = await server((_request, response, count) => {
      response.writeHead(200, { 'content-length': bytes.length });
      if (count > 1) return void response.end(bytes);
      response.write(bytes.subarray(0, 60_000), () => response.destroy());
    });
    const read = await patient(url).read(1000, 150_000);
    expect(Buffer.compare(read, bytes.subarray(1000, 151_000))).toBe(0);
    expect(ranges).toHaveLength(2);
  });

  it('whatever goes wrong, the tensor is named', async () => {
    const { url } = await server((_request, response) => void response.writeHead(404).end());
    const tensor = {
      name: 'fc1/kernel',
      shape: [10],
      bytes: patient(url),
      offsetBytes: 0,
      elementType: 'float32',
    } as const;
    const error = await refusal(readStoredBox(tensor, [[0, 10]]));
    expect(error).toMatchObject({ code: 'WEIGHTS_UNAVAILABLE', details: { tensor: 'fc1/kernel', url } });
    expect(error.message).toMatch(/'fc1\/kernel'.*404/);
  });

  it('asks for a few ranges at a time, whoever asks', async () => {
    let open = 0;
    let most = 0;
    const { url } = await server((request, response) => {
      most = Math.max(most, (open += 1));
      setImmediate(() => {
        open -= 1;
        send(request, response);
      });
    });
    const source = patient(url);
    await Promise.all(Array.from({ length: 40 }, (_, i) => source.read(i * 100, 100)));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
  });
});

describe('a turnstile', () => {
  it('lets the next one in when one leaves, and skips those who went away', async () => {
    const turnstile = new Turnstile(1);
    const leave = await turnstile.enter();
    const order: string[] = [];
    const abort = new AbortController();
    const second = turnstile.enter(abort.signal).then(
      () => order.push('second'),
      () => order.push('gone'),
    );
    const third = turnstile.enter().then((exit) => {
      order.push('third');
      return exit;
    });
    abort.abort(new Error('gone'));
    await second;
    expect(order).toEqual(['gone']);
    leave();
    leave();
    (await third)();
    expect(order).toEqual(['gone', 'third']);
    (await turnstile.enter())();
  });
});
