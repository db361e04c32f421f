import { describe, expect, it } from 'vitest';
import { platformOf } from '../../../src/ui/trust/platform.ts';
import { readServer, withTrust } from '../../../src/ui/trust/trust-state.ts';

const authority = {
  name: 'Peerceptron on pi',
  fingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
  notAfter: '2036-11-25T00:00:00.000Z',
  hosts: ['192.168.1.2', '[fd00::2]'],
};
const page = 'http://192.168.1.2:8080/trust#amber-otter.secret';
const answering = (answer: unknown) => async () => Response.json(answer);

describe('the page that says how to trust a server', () => {
  it('shows the authority, and leads into the room by https and without', async () => {
    expect(await readServer(page, answering(authority))).toEqual({
      state: 'authority',
      authority,
      isTrusted: undefined,
      isCovered: true,
      elsewhere: page,
      room: 'https://192.168.1.2:8080/#amber-otter.secret',
      plainRoom: 'http://192.168.1.2:8080/#amber-otter.secret',
    });
  });

  it('shows other devices an address that they can reach', async () => {
    const local = await readServer('https://localhost:8443/trust', answering(authority));
    expect(local).toMatchObject({ elsewhere: 'http://192.168.1.2:8443/trust' });
    expect(local).not.toHaveProperty('room');
    const alone = await readServer(
      'http://127.0.0.1/trust',
      answering({ ...authority, hosts: ['127.0.0.1'] }),
    );
    expect(alone).not.toHaveProperty('elsewhere');
  });

  it('leads to an address that the certificate can be for, where this one is public', async () => {
    const there = await readServer('http://203.0.113.9:8080/trust#a.b', answering(authority));
    expect(there).toMatchObject({ isCovered: false, elsewhere: 'http://192.168.1.2:8080/trust#a.b' });
    const nowhere = await readServer('http://203.0.113.9:8080/trust', answering({ ...authority, hosts: [] }));
    expect(nowhere).toMatchObject({ isCovered: false });
    expect(nowhere).not.toHaveProperty('elsewhere');
    for (const host of ['pi.local', 'localhost', '[fd00::2]'])
      expect(await readServer(`http://${host}:8080/trust`, answering(authority)), host).toMatchObject({
        isCovered: true,
      });
  });

  it('says so where there is no authority, no sense, or no answer', async () => {
    const missing = async () => new Response('Not found', { status: 404 });
    expect(await readServer(page, missing)).toEqual({ state: 'no-authority' });
    expect(await readServer(page, answering({ ...authority, fingerprint: '<b>' }))).toEqual({
      state: 'no-authority',
    });
    expect(await readServer(page, async () => new Response('<!doctype html>'))).toEqual({
      state: 'no-authority',
    });
    expect(await readServer(page, () => Promise.reject(new TypeError('offline')))).toEqual({
      state: 'silent',
    });
  });

  it('finds out whether this device trusts it', async () => {
    const server = await readServer(page, answering(authority));
    const asked: string[] = [];
    const refusing = (url: string) => {
      asked.push(url);
      return Promise.reject(new TypeError('certificate'));
    };
    expect(await withTrust(server, page, refusing)).toMatchObject({ isTrusted: false });
    expect(asked).toEqual(['https://192.168.1.2:8080/healthz']);
    expect(await withTrust(server, page, answering('ok'))).toMatchObject({ isTrusted: true });
    expect(await withTrust(server, page.replace('http:', 'https:'), refusing)).toMatchObject({
      isTrusted: true,
    });
    expect(await withTrust({ state: 'silent' }, page, refusing)).toEqual({ state: 'silent' });
  });
});

describe('the system that a browser runs on', () => {
  it.each([
    ['Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile', 5, 'android'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1', 5, 'ios'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15', 5, 'ios'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0.0.0', 0, 'mac'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0', 10, 'windows'],
    ['Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/140.0.0.0', 0, 'chromeos'],
    ['Mozilla/5.0 (X11; Linux aarch64) AppleWebKit/537.36 Chrome/140.0.0.0', 1, 'linux'],
    ['Mozilla/5.0 (PlayStation 5) AppleWebKit/605.1.15', 0, undefined],
  ])('%s', (userAgent, touchPoints, platform) => {
    expect(platformOf(userAgent, touchPoints)).toBe(platform);
  });
});
