import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { issueCertificate, makeAuthority } from '../../../headless/https/authority.ts';
import { createSignalingServer, type SignalingServerOptions } from '../../../signaling/server.ts';
import type { TlsPair } from '../../../signaling/tls-pair.ts';
import { parseServerMessage, SIGNALING_VERSION } from '../../../src/protocol/signaling.ts';

const id = (n: number): string => n.toString(16).padStart(32, '0');
const names = { dns: ['localhost'], addresses: ['127.0.0.1'] };
let authority: TlsPair;
let tls: TlsPair;
beforeAll(async () => {
  authority = await makeAuthority('a & b <c>', Date.now());
  tls = await issueCertificate(authority, names, Date.now());
});

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: Partial<SignalingServerOptions> = {}) {
  const server = createSignalingServer({ port: 0, host: '127.0.0.1', tls, ...options });
  cleanUps.push(() => server.close());
  const { port, url } = await server.ready;
  return { server, port, url, plain: url.replace('https:', 'http:') };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
async function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  const call = request(url, { ca: authority.cert, headers, agent: false }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) };
}

async function joined(url: string, peer: number) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}signaling`, { ca: authority.cert });
  cleanUps.push(() => socket.terminate());
  await once(socket, 'open');
  const answer = once(socket, 'message') as Promise<[Buffer]>;
  socket.send(
    JSON.stringify({
      type: 'join',
      version: SIGNALING_VERSION,
      room: id(1),
      peer: id(peer),
      resume: id(peer),
    }),
  );
  const [data] = await answer;
  return { socket, message: parseServerMessage(data.toString()) };
}

describe('a server with a certificate', () => {
  it('answers http and https on one port, isolated either way, and without HSTS', async () => {
    const { url, plain } = await start();
    expect(url).toMatch(/^https:/);
    const secure = await get(`${url}config.json`);
    const open = await fetch(`${plain}config.json`);
    expect(JSON.parse(secure.body.toString())).toEqual(await open.json());
    expect(JSON.parse(secure.body.toString())).toMatchObject({ https: 'own-certificate' });
    for (const headers of [secure.headers, Object.fromEntries(open.headers)]) {
      expect(headers['cross-origin-opener-policy']).toBe('same-origin');
      expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
      expect(headers['strict-transport-security']).toBeUndefined();
    }
  });

  it('introduces members over wss and ws to each other', async () => {
    const { url, plain } = await start();
    const first = await joined(url, 1);
    expect(first.message).toMatchObject({ type: 'joined', members: [] });
    const second = await joined(plain, 2);
    expect(second.message).toMatchObject({ type: 'joined', members: [id(1)] });
  });

  it('says to pages over http, and to nobody else, whether they can come over https', async () => {
    const { url, plain } = await start();
    const own = new URL(plain).origin;
    const asked = await get(`${url}healthz`, { Origin: own });
    expect(asked.headers['access-control-allow-origin']).toBe(own);
    expect(asked.headers.vary).toBe('Origin');
    const stranger = await get(`${url}healthz`, { Origin: 'http://evil.example' });
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined();
    expect((await get(`${url}config.json`, { Origin: own })).headers['access-control-allow-origin']).toBe(
      undefined,
    );
  });

  it('shows another certificate from the next connection on', async () => {
    const { server, port } = await start();
    const shown = async (): Promise<string> => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: authority.cert });
      await once(socket, 'secureConnect');
      const { fingerprint256 } = socket.getPeerX509Certificate()!;
      socket.destroy();
      return fingerprint256;
    };
    expect(await shown()).toBe(new X509Certificate(tls.cert).fingerprint256);
    const next = await issueCertificate(authority, names, Date.now());
    server.setCertificate(next);
    expect(await shown()).toBe(new X509Certificate(next.cert).fingerprint256);
  });

  it('outlives connections that say nothing, nonsense, or half a handshake', async () => {
    const { url, port } = await start();
    const silent = connectTcp(port, '127.0.0.1');
    await once(silent, 'connect');
    cleanUps.push(() => silent.destroy());
    for (const bytes of [[22, 3, 1, 255, 255], [22, 3, 1, 0, 2, 9, 9], [0, 1, 2], [128]]) {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.end(Buffer.from(bytes));
      socket.resume();
      await once(socket, 'close');
    }
    expect((await get(`${url}healthz`)).body.toString()).toBe('ok\n');
  });

  it('takes a request that arrives byte by byte', async () => {
    const { port } = await start();
    const socket = connectTcp(port, '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    let text = '';
    socket.on('data', (data) => (text += String(data)));
    for (const letter of 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n') {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n3\r\nok\n\r\n0\r\n\r\n$/);
  });

  it('closes with connections of both kinds open', async () => {
    const { server, url, plain, port } = await start();
    const sockets = [await joined(url, 1), await joined(plain, 2)];
    const closed = sockets.map(({ socket }) => once(socket, 'close'));
    const silent = connectTcp(port, '127.0.0.1');
    await once(silent, 'connect');
    const silenced = once(silent, 'close');
    await server.close();
    await Promise.all([...closed, silenced]);
    await expect(fetch(`${plain}healthz`)).rejects.toThrow();
  });
});

describe('what a device gets in order to trust a local authority', () => {
  const offer = () => ({ authority: authority.cert, hosts: () => ['192.168.1.2', '[fd00::2]'] });

  it('is the certificate for every system, over plain http too', async () => {
    const { plain } = await start({ trust: offer() });
    const certificate = new X509Certificate(authority.cert);
    const der = await fetch(`${plain}trust/peerceptron-ca.crt`);
    expect(der.headers.get('content-type')).toBe('application/x-x509-ca-cert');
    expect(Buffer.from(await der.arrayBuffer()).equals(certificate.raw)).toBe(true);
    const pem = await fetch(`${plain}trust/peerceptron-ca.pem`);
    expect(new X509Certificate(await pem.text()).fingerprint256).toBe(certificate.fingerprint256);
    const facts = await fetch(`${plain}trust/authority.json`);
    expect(await facts.json()).toEqual({
      name: 'Peerceptron on a & b <c>',
      fingerprint: certificate.fingerprint256,
      notAfter: new Date(certificate.validTo).toISOString(),
      hosts: ['192.168.1.2', '[fd00::2]'],
    });
    expect(await (await fetch(`${plain}config.json`)).json()).toMatchObject({ https: 'local-authority' });
  });

  it('is a profile for Apple, well formed whatever the machine is called, and the same each time', async () => {
    const { plain } = await start({ trust: offer() });
    const profile = await fetch(`${plain}trust/peerceptron.mobileconfig`);
    expect(profile.headers.get('content-type')).toBe('application/x-apple-aspen-config');
    const text = await profile.text();
    expect(text).toContain('<string>Peerceptron on a &amp; b &lt;c&gt;</string>');
    expect(text).toContain('<string>com.apple.security.root</string>');
    const [, content] = /<key>PayloadContent<\/key><data>([^<]+)<\/data>/.exec(text)!;
    expect(Buffer.from(content!, 'base64').equals(new X509Certificate(authority.cert).raw)).toBe(true);
    const uuids = [...text.matchAll(/<key>PayloadUUID<\/key><string>([^<]+)</g)].map(([, uuid]) => uuid);
    expect(new Set(uuids).size).toBe(2);
    for (const uuid of uuids)
      expect(uuid).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
    expect(await (await fetch(`${plain}trust/peerceptron.mobileconfig`)).text()).toBe(text);
  });

  it('is not there without an authority, and never its key', async () => {
    const { plain } = await start();
    expect((await fetch(`${plain}trust/authority.json`)).status).toBe(404);
    const offered = await start({ trust: offer() });
    for (const file of ['authority.pem', 'server.pem', '../authority.pem', 'peerceptron-ca.key'])
      expect((await fetch(`${offered.plain}trust/${file}`)).status).toBe(404);
  });
});
