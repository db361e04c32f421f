import { PeerceptronError } from '../shared/errors.ts';

/**
 * Whether a device fetches from a URL that someone else names: `named` origins were allowed one by one, of others only
 * `public` addresses are, and the rest is refused.
 */
export interface OriginPolicy {
  /** @throws ORIGIN_REFUSED */
  check(url: string): 'named' | 'public';
}

/** In the list of an operator: any server whose address is public. */
export const ANY_PUBLIC = 'public';

/**
 * The room's own server, and what the operator lists: URLs, of which the origin counts, or `public`.
 * @throws USAGE for an entry that is neither
 */
export function originPolicy(roomUrl: string, allowed: readonly string[]): OriginPolicy {
  const named = new Set([new URL(roomUrl).origin]);
  for (const entry of allowed) if (entry !== ANY_PUBLIC) named.add(originOf(entry));
  const anyPublic = allowed.includes(ANY_PUBLIC);
  return {
    check: (url) => {
      let parsed: URL;
      try {
        parsed = new URL(url);
      } catch {
        throw refused('it is no URL');
      }
      if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
        throw refused(`${parsed.protocol} is not http`);
      }
      if (parsed.username !== '' || parsed.password !== '') throw refused('it carries a password');
      if (named.has(parsed.origin)) return 'named';
      if (anyPublic) return 'public';
      throw refused(`${parsed.origin} is not the server of the room`);
    },
  };
}

export const refused = (why: string): PeerceptronError =>
  new PeerceptronError(
    'ORIGIN_REFUSED',
    `this device does not fetch weights from there: ${why}; its operator can allow servers with join --allow-origin`,
  );

function originOf(entry: string): string {
  try {
    const { protocol, origin } = new URL(entry);
    if (protocol === 'http:' || protocol === 'https:') return origin;
  } catch {
    // Said below.
  }
  throw new PeerceptronError(
    'USAGE',
    `'${entry}' is no server: write for example https://models.example.org, or "${ANY_PUBLIC}" for any public one`,
  );
}
