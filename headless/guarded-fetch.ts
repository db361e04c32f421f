import { lookup as resolve } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { ByteSource } from '../src/weights/byte-source.ts';
import { refused, type OriginPolicy } from '../src/weights/origin-policy.ts';
import { resumingHttpBytes } from '../src/weights/resuming-http.ts';

/** IPv4 networks that are not the public internet: private, local, shared, for documentation, multicast, reserved. */
const PRIVATE_V4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4';
/** Inside the public part of IPv6 (2000::/3): tunnels that lead to IPv4 addresses, and documentation. */
const PRIVATE_V6 = '2001::/23 2001:db8::/32 2002::/16 3fff::/20';

function listOf(networks: string, family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const network of networks.split(' ')) {
    const [address, prefix] = network.split('/');
    list.addSubnet(address!, Number(prefix), family);
  }
  return list;
}
const privateV4 = listOf(PRIVATE_V4, 'ipv4');
const privateV6 = listOf(PRIVATE_V6, 'ipv6');
const globalV6 = listOf('2000::/3', 'ipv6');

/** Whether an address is one of the public internet. Everything that is not known to be counts as not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !privateV4.check(address, 'ipv4');
  return family === 6 && globalV6.check(address, 'ipv6') && !privateV6.check(address, 'ipv6');
}

export type Lookup = typeof resolve;

/**
 * A `fetch` for URLs that someone else names: no redirects, no credentials, no proxies; with `publicOnly`, connections go
 * to public addresses alone, whatever the name leads to at that moment.
 */
export function guardedFetch(policy: OriginPolicy, lookup: Lookup = resolve): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const publicOnly = policy.check(url.href) === 'public';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (publicOnly && isIP(host) && !isPublicAddress(host)) throw refused(`${host} is no public address`);
    const response = await answer(url, init, publicOnly ? publicLookup(lookup) : lookup);
    const status = response.statusCode ?? 500;
    if (status >= 300 && status < 400 && status !== 304) {
      response.destroy();
      throw refused(`${url.origin} redirects elsewhere`);
    }
    const headers = new Headers();
    for (const [name, value] of Object.entries(response.headers)) {
      if (typeof value === 'string') headers.set(name, value);
    }
    const bodyless = init.method === 'HEAD' || status === 204 || status === 304;
    if (bodyless) response.resume();
    const body = bodyless ? null : (Readable.toWeb(response) as WebStream<Uint8Array>);
    return new Response(body as ReadableStream<Uint8Array> | null, { status, headers });
  };
}

function answer(url: URL, init: RequestInit, lookup: Lookup): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      lookup: lookup,
      ...(init.signal ? { signal: init.signal } : {}),
    };
    const request = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
    request.once('response', resolve).once('error', reject).end();
  });
}

/** Resolves as `lookup`, and fails when any of the addresses is not public: a name must not lead in by a side door. */
function publicLookup(lookup: Lookup): Lookup {
  const guarded = (
    hostname: string,
    options: object,
    callback: (error: Error | null, address?: unknown, family?: number) => void,
  ): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error);
      const inside = addresses.find(({ address }) => !isPublicAddress(address));
      const [first] = addresses;
      if (inside ?? !first) {
        return callback(
          refused(`${hostname} leads to ${inside?.address ?? 'no address'}, which is not public`),
        );
      }
      if ('all' in options && options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
  return guarded as Lookup;
}

/** A copy of a weights file that a plan names. @throws ORIGIN_REFUSED */
export function openAllowed(url: string, policy: OriginPolicy): ByteSource {
  policy.check(url);
  return resumingHttpBytes(url, { fetch: guardedFetch(policy), clock: systemClock });
}
