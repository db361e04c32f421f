import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { guardedFetch, isPublicAddress, type Lookup } from '../../../headless/guarded-fetch.ts';
import { originPolicy } from '../../../src/weights/origin-policy.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refusal = { code: 'ORIGIN_REFUSED' };

describe('where a device fetches weights from', () => {
  it('[WB2] is the room’s server, and what its operator lists', () => {
    const policy = originPolicy('https://room.example/page/', ['http://nas.local:8080/models/']);
    expect(policy.check('https://room.example/models/a')).toBe('named');
    expect(policy.check('http://nas.local:8080/other')).toBe('named');
    for (const url of [
      'http://room.example/models/a',
      'https://room.example:444/a',
      'https://room.example.evil.org/a',
      'http://nas.local/a',
      'http://10.0.0.1/a',
      'https://user:secret@room.example/a',
      'file:///etc/passwd',
      'ftp://room.example/a',
      'data:text/plain,a',
      'no url',
    ]) {
      expect(() => policy.check(url), url).toThrow(expect.objectContaining(refusal) as Error);
    }
    expect(originPolicy('https://room.example/', ['public']).check('https://cdn.example/a')).toBe('public');
    expect(() => originPolicy('https://room.example/', ['models'])).toThrow(/'models' is no server/);
  });

  it('knows public addresses from all others', () => {
    for (const address of ['1.1.1.1', '93.184.216.34', '2606:4700::1111', '2a00:1450:4001::200e']) {
      expect(isPublicAddress(address), address).toBe(true);
    }
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'fd12:3456::1',
      'ff02::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2001:db8::1',
      '2001::1',
      '2002:7f00:1::',
      'localhost',
      '',
    ]) {
      expect(isPublicAddress(address), address).toBe(false);
    }
  });

  it('[WB2] follows no redirect, not even on a server that is allowed', async () => {
    let reached = 0;
    const inside = await serve((_request, response) => {
      reached += 1;
      response.end('secret');
    });
    const url = await serve((_request, response) => response.writeHead(302, { location: inside }).end());
    const fetch = guardedFetch(originPolicy(url, []));
    await expect(fetch(`${url}/weights`)).rejects.toMatchObject(refusal);
    expect(reached).toBe(0);
  });

  it('[WB2] connects to no private address under a public name, and to none by its number', async () => {
    let reached = 0;
    const inside = await serve((_request, response) => {
      reached += 1;
      response.end('secret');
    });
    const { port } = new URL(inside);
    const lookup = ((_name: string, _options: object, done: (...results: unknown[]) => void) =>
      done(null, [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])) as unknown as Lookup;
    const fetch = guardedFetch(originPolicy('https://room.example/', ['public']), lookup);
    for (const host of ['rebinding.example', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433']) {
      await expect(fetch(`http://${host}:${port}/a`), host).rejects.toMatchObject(refusal);
    }
    expect(reached).toBe(0);
  });

  it('gives status, headers and body of a server that is allowed', async () => {
    const url = await serve((request, response) => {
      response.writeHead(206, { etag: '"1"', 'content-range': 'bytes 0-4/9' });
      response.end(request.method === 'HEAD' ? undefined : request.headers.range);
    });
    const fetch = guardedFetch(originPolicy(url, []));
    const response = await fetch(`${url}/a`, { headers: { range: 'bytes=0-4' } });
    expect([response.status, response.headers.get('etag')]).toEqual([206, '"1"']);
    expect(await response.text()).toBe('bytes=0-4');
    expect((await fetch(`${url}/a`, { method: 'HEAD' })).status).toBe(206);
    await expect(fetch('http://127.0.0.1:1/a')).rejects.toMatchObject(refusal);
  });
});
