import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { issueCertificate, makeAuthority } from '../../../../headless/https/authority.ts';
import { serveHttps, type HttpsFlags } from '../../../../headless/https/serve-https.ts';
import { describeLinks, servedLinks } from '../../../../headless/served-links.ts';
import type { LocalRoom } from '../../../../headless/local-room.ts';
import type { TlsPair } from '../../../../signaling/tls-pair.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';
import { rejectionOf } from '../../mesh/thrown.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 28);

let root: string;
let clock: FakeClock;
let notes: string[];
let reachable: string[];
let nowMs: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peerceptron-serve-https-'));
  vi.stubEnv('PEERCEPTRON_DATA', join(root, 'data'));
  clock = new FakeClock();
  notes = [];
  reachable = ['192.168.1.20', '[fd00::20]', '203.0.113.9', '[2001:db8::9]'];
  nowMs = START_MS;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const open = (flags: HttpsFlags) =>
  serveHttps({
    flags,
    reachable: () => reachable,
    note: (sentence) => notes.push(sentence),
    clock,
    nowMs: () => nowMs,
  });
const recorder = () => {
  const shown: TlsPair[] = [];
  return { shown, setCertificate: (tls: TlsPair) => void shown.push(tls) };
};
/** Files and keys take real time, which a fake clock does not wait for. */
const minute = async (isDone: () => boolean): Promise<void> => {
  await clock.advance(60_000);
  await vi.waitUntil(isDone, { timeout: 20_000 });
};
const room = {
  port: 8080,
  link: { room: 'a' },
  urlAt: (host: string, scheme = 'http') => `${scheme}://${host}:8080/#a.b`,
} as unknown as LocalRoom;

describe('https by an authority of this machine', () => {
  it('is off where nobody asks for it', async () => {
    expect(await open({})).toBeUndefined();
    expect(servedLinks(room, ['192.168.1.20'], undefined)).toEqual({
      links: ['http://192.168.1.20:8080/#a.b'],
    });
  });

  it('covers the name that the server has in its network, and follows it to another one', async () => {
    reachable = ['192.168.1.20', 'peerceptron.local'];
    const https = (await open({ https: true }))!;
    expect(https.hosts()).toEqual(reachable);
    const covers = ({ cert }: TlsPair, name: string) => new X509Certificate(cert).checkHost(name) === name;
    expect(covers(https.tls, 'peerceptron.local')).toBe(true);
    const server = recorder();
    const stop = https.watch(server);
    reachable = ['192.168.1.20', 'peerceptron-2.local'];
    await minute(() => server.shown.length > 0);
    expect(covers(server.shown[0]!, 'peerceptron-2.local')).toBe(true);
    stop();

    const served = servedLinks(room, reachable, https, 'peerceptron-2.local');
    expect(served.name).toBe('peerceptron-2.local');
    expect(served.links.map((link) => new URL(link).hostname)).toEqual(reachable);
    expect(describeLinks(room, served, 0)).toContain('peerceptron-2.local stays the same');
  });

  it('covers private addresses; links that https can follow come first', async () => {
    reachable = ['203.0.113.9', '192.168.1.20', '[2001:db8::9]', '[fd00::20]'];
    const https = (await open({ https: true }))!;
    expect(https.kind).toBe('local-authority');
    expect(https.hosts()).toEqual(['192.168.1.20', '[fd00::20]']);
    const { links, https: told } = servedLinks(room, reachable, https);
    expect(links.map((link) => new URL(link).hostname)).toEqual([
      '192.168.1.20',
      '[fd00::20]',
      '203.0.113.9',
      '[2001:db8::9]',
    ]);
    expect(told).toMatchObject({
      links: ['https://192.168.1.20:8080/#a.b', 'https://[fd00::20]:8080/#a.b'],
      trust: 'http://192.168.1.20:8080/trust',
      isNew: true,
    });
  });

  it('follows the addresses of the machine while the server runs', async () => {
    const https = (await open({ https: true }))!;
    const server = recorder();
    const stop = https.watch(server);
    await clock.advance(60_000);
    expect(server.shown).toEqual([]);
    reachable = ['10.0.0.5'];
    await vi.waitUntil(() => clock.pending === 1);
    await minute(() => server.shown.length === 1);
    expect(server.shown[0]).not.toEqual(https.tls);
    expect(notes.join()).toContain('10.0.0.5');
    expect(https.hosts()).toEqual(['10.0.0.5']);
    expect(https.trust!.hosts()).toEqual(['10.0.0.5']);
    await vi.waitUntil(() => clock.pending === 1);
    stop();
    expect(clock.pending).toBe(0);
  });

  it('goes on with what it has where the new one cannot be kept', async () => {
    const https = (await open({ https: true }))!;
    const server = recorder();
    const stop = https.watch(server);
    rmSync(join(root, 'data'), { recursive: true });
    writeFileSync(join(root, 'data'), 'a file in the way');
    reachable = ['10.0.0.5'];
    await minute(() => notes.length > 0);
    expect(notes[0]).toContain('cannot be kept');
    expect(server.shown).toEqual([]);
    stop();
  });
});

describe('https by a certificate of the operator', () => {
  async function files(dns: string[], addresses: string[], issuedMs = START_MS) {
    const authority = await makeAuthority('a company', issuedMs);
    const pair = await issueCertificate(authority, { dns, addresses }, issuedMs);
    writeFileSync(join(root, 'own.crt'), pair.cert);
    writeFileSync(join(root, 'own.key'), pair.key);
    return pair;
  }
  const flags = () => ({ cert: join(root, 'own.crt'), key: join(root, 'own.key') });

  it('is for the names that it has, and for those addresses', async () => {
    const pair = await files(['mesh.example.com', '*.example.com', 'localhost'], ['192.168.1.20']);
    const https = (await open(flags()))!;
    expect(https).toMatchObject({ kind: 'own-certificate', tls: pair, isNew: false });
    expect(https.trust).toBeUndefined();
    expect(https.hosts()).toEqual(['mesh.example.com', '192.168.1.20']);
    expect(servedLinks(room, reachable, https).links).toEqual([
      'https://mesh.example.com:8080/#a.b',
      'https://192.168.1.20:8080/#a.b',
    ]);
  });

  it('gives plain links where it is for no address of this machine', async () => {
    await files(['*.example.com'], []);
    const { links, https } = servedLinks(room, ['192.168.1.20'], await open(flags()));
    expect(links).toEqual(['http://192.168.1.20:8080/#a.b']);
    expect(https!.links).toEqual([]);
  });

  it('is taken over when somebody renews the files, and kept where what they put there is no good', async () => {
    await files(['mesh.lan'], []);
    const https = (await open(flags()))!;
    const server = recorder();
    const stop = https.watch(server);
    const renewed = await files(['mesh.lan'], []);
    utimesSync(join(root, 'own.crt'), 1, 2);
    await minute(() => server.shown.length === 1);
    expect(server.shown).toEqual([renewed]);
    await vi.waitUntil(() => clock.pending === 1);
    writeFileSync(join(root, 'own.crt'), 'half of a fi');
    await minute(() => notes.some((note) => note.includes('goes on with the one before')));
    expect(server.shown).toHaveLength(1);
    await vi.waitUntil(() => clock.pending === 1);
    stop();
  });

  it('is announced to expire soon, and refused when it has', async () => {
    await files(['mesh.lan'], []);
    nowMs = START_MS + 390 * DAY_MS;
    await open(flags());
    expect(notes.join()).toContain('expires on 2027-12-29');
    nowMs = START_MS + 400 * DAY_MS;
    expect((await rejectionOf(open(flags()))).code).toBe('CERTIFICATE_INVALID');
  });

  it('wants both files', async () => {
    expect((await rejectionOf(open({ cert: 'a' }))).code).toBe('USAGE');
    expect((await rejectionOf(open({ https: true, key: 'a' }))).code).toBe('USAGE');
  });
});
