import * as v from 'valibot';

/** What of the server's `config.json` counts here. */
const serverConfig = v.object({ https: v.picklist(['own-certificate', 'local-authority']) });

export type HttpsOutlook =
  /** The page is secure, or its server speaks no https that this device could be told to trust. */
  | { readonly state: 'settled' }
  /** The browser goes to the same page over https. */
  | { readonly state: 'moving' }
  /** As soon as this device trusts the server; `trustUrl` says how. */
  | { readonly state: 'untrusted'; readonly trustUrl: string };

export interface HttpsWorld {
  /** Address of the page. */
  readonly href: string;
  readonly isSecure: boolean;
  /** Rejects where there is no answer, or none within seconds. */
  readonly load: (url: string) => Promise<Response>;
  readonly moveTo: (url: string) => void;
}

/** A page over plain http goes over to https where this device trusts the server. Never rejects. */
export async function preferHttps({ href, isSecure, load, moveTo }: HttpsWorld): Promise<HttpsOutlook> {
  if (isSecure || !href.startsWith('http:')) return { state: 'settled' };
  const kind = await httpsOf(href, load);
  if (kind === undefined) return { state: 'settled' };
  if (await isTrusted(href, load)) {
    moveTo(httpsTwin(href));
    return { state: 'moving' };
  }
  // A certificate of the operator's own that is refused is for other names: no device can be helped with that.
  if (kind === 'own-certificate') return { state: 'settled' };
  const trust = new URL('/trust', href);
  trust.hash = new URL(href).hash;
  return { state: 'untrusted', trustUrl: trust.href };
}

/** Whether this browser accepts the server's certificate at this address. */
export async function isTrusted(href: string, load: HttpsWorld['load']): Promise<boolean> {
  try {
    return (await load(new URL('/healthz', httpsTwin(href)).href)).ok;
  } catch {
    return false;
  }
}

/** The same page over https: one port speaks both. */
export function httpsTwin(href: string): string {
  const { hostname, port, pathname, search, hash } = new URL(href);
  return new URL(`https://${hostname}:${port || '80'}${pathname}${search}${hash}`).href;
}

async function httpsOf(href: string, load: HttpsWorld['load']) {
  try {
    const response = await load(new URL('/config.json', href).href);
    return response.ok ? v.parse(serverConfig, await response.json()).https : undefined;
  } catch {
    return undefined;
  }
}
