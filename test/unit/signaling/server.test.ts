import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  createSignalingServer,
  type SignalingServer,
  type SignalingServerOptions,
} from '../../../signaling/server.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import { parseServerMessage, SIGNALING_VERSION } from '../../../src/protocol/signaling.ts';
import { rejectionOf } from '../mesh/thrown.ts';

const id = (n: number): string => n.toString(16).padStart(32, '0');
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: Partial<SignalingServerOptions> = {}): Promise<{
  server: SignalingServer;
  url: string;
}> {
  const server = createSignalingServer({ port: 0, host: '127.0.0.1', ...options });
  cleanUps.push(() => server.close());
  return { server, url: (await server.ready).url };
}

/** A raw client: what it received, in order, awaited one at a time. */
async function client(url: string, options: { origin?: string } = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}signaling`, options);
  cleanUps.push(() => socket.terminate());
  const received: ReturnType<typeof parseServerMessage>[] = [];
  const waiting: (() => void)[] = [];
  socket.on('message', (data) => {
    received.push(parseServerMessage((data as Buffer).toString()));
    waiting.shift()?.();
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await once(socket, 'open');
  return {
    socket,
    closed,
    say: (message: unknown) => socket.send(JSON.stringify(message)),
    join: (room: number, peer: number) =>
      socket.send(
        JSON.stringify({
          type: 'join',
          version: SIGNALING_VERSION,
          room: id(room),
          peer: id(peer),
          resume: id(peer),
        }),
      ),
    next: async () => {
      if (received.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return received.shift()!;
    },
  };
}

describe('signaling server over real sockets', () => {
  it('[SIG1] introduces two clients and relays between them', async () => {
    const { server, url } = await start({ iceServers: [{ urls: ['stun:stun.example:3478'] }] });
    const [a, b] = [await client(url), await client(url)];
    a.join(1, 1);
    expect(await a.next()).toMatchObject({ type: 'joined', members: [] });
    b.join(1, 2);
    expect(await b.next()).toMatchObject({ type: 'joined', members: [id(1)] });
    expect(await a.next()).toEqual({ type: 'member-joined', peer: id(2) });
    b.say({ type: 'relay', to: id(1), payload: 'aGVsbG8' });
    expect(await a.next()).toEqual({ type: 'relay', from: id(2), payload: 'aGVsbG8' });
    expect(server.stats()).toMatchObject({ sockets: 2, rooms: 1, members: 2, relayed: 1 });
    b.socket.terminate();
    expect(await a.next()).toEqual({ type: 'member-left', peer: id(2) });
  });

  it('[SIG3] closes on oversized, binary and malformed messages without touching the others', async () => {
    const { url } = await start();
    const witness = await client(url);
    witness.join(1, 1);
    await witness.next();
    const big = await client(url);
    big.socket.on('error', () => undefined);
    big.socket.send('x'.repeat(70_000));
    expect(await big.closed).toBe(1009);
    const binary = await client(url);
    binary.socket.send(Buffer.from([1, 2, 3]));
    expect(await binary.next()).toMatchObject({ type: 'error', code: 'PROTOCOL_MALFORMED' });
    expect(await binary.closed).toBe(1008);
    const illFormed = await client(url);
    // A masked text frame that is not UTF-8, written past the library.
    (illFormed.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff]),
    );
    expect(await illFormed.closed).toBe(1007);
    const good = await client(url);
    good.join(1, 2);
    expect(await good.next()).toMatchObject({ type: 'joined', members: [id(1)] });
    expect(await witness.next()).toEqual({ type: 'member-joined', peer: id(2) });
  });

  it('[SIG10] admits pages of its own host and of allowed origins only', async () => {
    const { url } = await start({ allowedOrigins: ['https://friend.example'] });
    const own = new URL(url).origin;
    for (const origin of [own, 'https://friend.example']) {
      const good = await client(url, { origin });
      good.join(1, 1);
      expect(await good.next()).toMatchObject({ type: 'joined' });
      good.say({ type: 'leave' });
      await good.closed;
    }
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `${own}.evil.example`]) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}signaling`, { origin });
      const [, response] = (await once(
        socket.on('error', () => undefined),
        'unexpected-response',
      )) as [unknown, { statusCode: number }];
      expect(response.statusCode, origin).toBe(403);
      socket.terminate();
    }
  });

  it('[SIG5] answers 503 above its limit of sockets', async () => {
    const { url } = await start({ limits: { maxSockets: 1 } });
    await client(url);
    const socket = new WebSocket(`${url.replace('http', 'ws')}signaling`);
    const [, response] = (await once(
      socket.on('error', () => undefined),
      'unexpected-response',
    )) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(503);
    socket.terminate();
  });

  it('[SIG11] names the port that is taken', async () => {
    const { server } = await start();
    const port = server.address!.port;
    const second = createSignalingServer({ port, host: '127.0.0.1' });
    const error = await rejectionOf(second.ready);
    expect(error.code).toBe('PORT_TAKEN');
    expect(error.message).toContain(String(port));
    await second.close();
  });

  it('[SIG12] says goodbye to everyone when it closes, and can be closed twice', async () => {
    const { server, url } = await start();
    const a = await client(url);
    a.join(1, 1);
    await a.next();
    await Promise.all([server.close(), server.close()]);
    expect([1001, 1006]).toContain(await a.closed);
    await expect(fetch(`${url}healthz`)).rejects.toThrow();
  });
});

describe('page and models over http', () => {
  async function site() {
    const root = mkdtempSync(join(tmpdir(), 'peerceptron-site-'));
    cleanUps.push(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, 'page/assets'), { recursive: true });
    mkdirSync(join(root, 'models'));
    writeFileSync(join(root, 'secret.txt'), 'outside');
    writeFileSync(join(root, 'page/index.html'), '<!doctype html><title>x</title>');
    writeFileSync(join(root, 'page/.hidden'), 'hidden');
    writeFileSync(join(root, 'page/kiosk.html'), '<!doctype html><title>kiosk</title>');
    writeFileSync(join(root, 'page/assets/main-B3x9_k2f.js'), 'export {}');
    writeFileSync(join(root, 'page/assets/tfjs.wasm'), Buffer.from([0, 97, 115, 109]));
    writeFileSync(
      join(root, 'models/m.safetensors'),
      Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255)),
    );
    for (const [folder, file, text] of [
      ['vgg16', 'graph.json', '{}'],
      ['vgg16', 'weights.safetensors', '0123456789'],
      ['vgg16', '.weights.safetensors.17.part', 'half of it'],
      ['a b', 'model.json', '{}'],
      ['.hidden', 'graph.json', '{}'],
      ['nothing', 'notes.txt', ''],
      ['', 'keras.h5', 'HDF'],
    ] as const) {
      mkdirSync(join(root, 'models', folder), { recursive: true });
      writeFileSync(join(root, 'models', folder, file), text);
    }
    return start({ staticDir: join(root, 'page'), modelsDir: join(root, 'models') });
  }

  /** `fetch` would add `Cache-Control: no-cache` to a conditional request. */
  const statusOf = async (url: string, headers: Record<string, string>): Promise<number | undefined> => {
    const [response] = (await once(get(url, { headers }), 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };

  it('[WEB1] serves the page isolated, with types and caching by name', async () => {
    const { url } = await site();
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(page.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
    const script = await fetch(`${url}assets/main-B3x9_k2f.js`);
    expect(script.headers.get('content-type')).toMatch(/javascript/);
    expect(script.headers.get('cache-control')).toContain('immutable');
    const wasm = await fetch(`${url}assets/tfjs.wasm`);
    expect(wasm.headers.get('content-type')).toBe('application/wasm');
    expect(wasm.headers.get('cache-control')).toBe('no-cache');
    expect(await statusOf(url, { 'If-None-Match': page.headers.get('etag')! })).toBe(304);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${url}nothing`)).status).toBe(404);
    expect((await fetch(`${url}.hidden`)).status).toBe(404);
    expect(await (await fetch(`${url}kiosk?dim=never`)).text()).toContain('<title>kiosk</title>');
    const slash = await fetch(`${url}kiosk/`, { redirect: 'manual' });
    expect([slash.status, slash.headers.get('location')]).toEqual([308, '/kiosk']);
  });

  it('[WEB2] gives ranges of models to any origin', async () => {
    const { url } = await site();
    for (const [range, bytes] of [
      ['bytes=0-0', [0]],
      ['bytes=256-259', [0, 1, 2, 3]],
      ['bytes=-2', [230, 231]],
    ] as const) {
      const part = await fetch(`${url}models/m.safetensors`, { headers: { Range: range } });
      expect(part.status).toBe(206);
      expect([...new Uint8Array(await part.arrayBuffer())]).toEqual(bytes);
      expect(part.headers.get('access-control-allow-origin')).toBe('*');
      expect(part.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    }
    const beyond = await fetch(`${url}models/m.safetensors`, { headers: { Range: 'bytes=5000-' } });
    expect(beyond.status).toBe(416);
    const preflight = await fetch(`${url}models/m.safetensors`, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Range');
  });

  it('[WEB2] tells versions of models, answers HEAD and conditions, and lists what there is', async () => {
    const { url } = await site();
    const file = `${url}models/m.safetensors`;
    const head = await fetch(file, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe('1000');
    expect(head.headers.get('accept-ranges')).toBe('bytes');
    const exposed = head.headers.get('access-control-expose-headers')!.split(', ');
    for (const name of ['Content-Range', 'Accept-Ranges', 'ETag']) expect(exposed).toContain(name);
    const etag = head.headers.get('etag')!;
    const modified = head.headers.get('last-modified')!;
    expect(Number.isNaN(Date.parse(modified))).toBe(false);
    expect(await statusOf(file, { 'If-None-Match': etag })).toBe(304);
    expect(await statusOf(file, { Range: 'bytes=0-9', 'If-Range': modified })).toBe(206);
    expect(await statusOf(file, { Range: 'bytes=0-9', 'If-Range': '"another"' })).toBe(200);
    const part = await fetch(file, { headers: { Range: 'bytes=990-2000' } });
    expect(part.headers.get('content-range')).toBe('bytes 990-999/1000');
    expect((await fetch(`${url}models/.hidden/graph.json`)).status).toBe(404);
    const list = await fetch(`${url}models/index.json`);
    expect(list.headers.get('access-control-allow-origin')).toBe('*');
    expect(await list.json()).toEqual({
      models: [
        { name: 'a b', path: 'a%20b/', format: 'tfjs', sizeBytes: 2 },
        { name: 'keras.h5', path: 'keras.h5', format: 'h5', sizeBytes: 3 },
        { name: 'vgg16', path: 'vgg16/', format: 'graph', sizeBytes: 12 },
      ],
    });
  });

  it('[WEB3] answers health and configuration', async () => {
    const { url } = await start({ iceServers: [{ urls: ['turn:t'], username: 'u', credential: 'c' }] });
    expect(await (await fetch(`${url}healthz`)).text()).toBe('ok\n');
    expect(await (await fetch(`${url}config.json`)).json()).toMatchObject({
      app: 'peerceptron',
      protocolVersion: PROTOCOL_VERSION,
      iceServers: [{ urls: ['turn:t'], username: 'u', credential: 'c' }],
    });
    expect((await fetch(`${url}signaling`)).status).toBe(426);
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/models/../../secret.txt',
    '/models/..%2f..%2fsecret.txt',
    '//secret.txt',
    '/..%5csecret.txt',
    '/%00',
    '/%zz',
    'http://other/../secret.txt',
  ])('[WEB4] does not leave its folders for %s', async (path) => {
    const { server, url } = await site();
    // `fetch` would tidy the path up.
    const socket = connectTcp(server.address!.port, '127.0.0.1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 (400|403|404) /);
    expect(text).not.toContain('outside');
    expect((await fetch(`${url}healthz`)).status).toBe(200);
  });
});
