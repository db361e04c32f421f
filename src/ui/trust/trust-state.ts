import * as v from 'valibot';
import { httpsTwin, isTrusted } from '../https/prefer-https.ts';
import type { Platform } from './platform.ts';

/** `/trust/authority.json` of our server. */
const trustSchema = v.object({
  name: v.pipe(v.string(), v.maxLength(200)),
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/)),
  notAfter: v.pipe(v.string(), v.isoTimestamp()),
  hosts: v.pipe(v.array(v.pipe(v.string(), v.maxLength(255))), v.maxLength(100)),
});
export type Authority = v.InferOutput<typeof trustSchema>;

export interface TrustState {
  readonly platform: Platform | undefined;
  readonly server:
    | { readonly state: 'asking' }
    /** Nobody answers. */
    | { readonly state: 'silent' }
    /** No authority of its own: it speaks no https, or by a certificate that needs no help. */
    | { readonly state: 'no-authority' }
    | {
        readonly state: 'authority';
        readonly authority: Authority;
        /** Whether this browser accepts the server's certificate; undefined while that is being found out. */
        readonly isTrusted: boolean | undefined;
        /** Whether the certificate is for the address of this page at all. */
        readonly isCovered: boolean;
        /** This page at an address where https works, for this device or for others; absent where the server has none. */
        readonly elsewhere?: string;
        /** The room that the address names, over https; absent where it names none. */
        readonly room?: string;
        /** The same room as far as it goes without. */
        readonly plainRoom?: string;
      };
}

type Load = (url: string) => Promise<Response>;

/** What the page shows at first, from what the server says of its authority. Never rejects. */
export async function readServer(href: string, load: Load): Promise<TrustState['server']> {
  let response: Response;
  try {
    response = await load(new URL('/trust/authority.json', href).href);
  } catch {
    return { state: 'silent' };
  }
  try {
    if (!response.ok) return { state: 'no-authority' };
    const authority = v.parse(trustSchema, await response.json());
    return {
      state: 'authority',
      authority,
      isTrusted: undefined,
      isCovered: isCovered(new URL(href).hostname, authority),
      ...elsewhereOf(href, authority),
      ...roomsOf(href),
    };
  } catch {
    return { state: 'no-authority' };
  }
}

/** Asks again whether the certificate is accepted. A page that came over https and was shown has been accepted. */
export async function withTrust(
  server: TrustState['server'],
  href: string,
  load: Load,
): Promise<TrustState['server']> {
  if (server.state !== 'authority') return server;
  return { ...server, isTrusted: href.startsWith('https:') || (await isTrusted(href, load)) };
}

const isOwnName = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
const isAddress = (host: string): boolean => /^[\d.]+$|^\[/.test(host);

/** Of names, only the certificate itself can tell. */
const isCovered = (host: string, { hosts }: Authority): boolean =>
  hosts.includes(host) || isOwnName(host) || !isAddress(host);

/** Over http, which every device accepts; at an address of the network where this page was opened by this machine's own name. */
function elsewhereOf(href: string, authority: Authority): { elsewhere?: string } {
  const { hostname, port, hash } = new URL(href);
  const isFine = isCovered(hostname, authority) && !isOwnName(hostname);
  const host = isFine ? hostname : authority.hosts.find((each) => !isOwnName(each));
  if (host === undefined) return {};
  const http = href.startsWith('https:') ? port || '443' : port || '80';
  return { elsewhere: new URL(`http://${host}:${http}/trust${hash}`).href };
}

function roomsOf(href: string): { room?: string; plainRoom?: string } {
  const { hash } = new URL(href);
  if (hash.length < 2) return {};
  const here = new URL(`/${hash}`, href).href;
  return { room: href.startsWith('https:') ? here : httpsTwin(here), plainRoom: here };
}
