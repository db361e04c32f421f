import { BlockList, isIP } from 'node:net';

/**
 * What the local authority may vouch for: names that nobody can own on the internet (RFC 6761, 6762, 8375; ICANN's `internal`;
 * `lan` and `home`, which routers use) and addresses that lead nowhere outside. It is built into its certificate, so whoever steals
 * its key can impersonate nothing else.
 */
export const PERMITTED_DOMAINS = ['localhost', 'local', 'lan', 'home', 'home.arpa', 'internal'] as const;
export const PERMITTED_NETWORKS = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  // Shared by carriers, and by private networks that span sites.
  '100.64.0.0/10',
  '127.0.0.0/8',
  'fc00::/7',
  '::1/128',
] as const;

export interface CertifiedNames {
  readonly dns: readonly string[];
  /** IPv6 without brackets. */
  readonly addresses: readonly string[];
}

const permitted = new BlockList();
for (const network of PERMITTED_NETWORKS) {
  const [address, prefix] = network.split('/') as [string, string];
  permitted.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Whether the authority may vouch for a name or an address (IPv6 without brackets). */
export const isPermittedHost = (host: string): boolean => isPermittedAddress(host) || isPermittedName(host);

function isPermittedAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && permitted.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const isPermittedName = (name: string): boolean =>
  name.split('.').every((part) => label.test(part)) &&
  PERMITTED_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`));

/**
 * Under what other devices may call this machine, as far as the authority may vouch for it: its mDNS name, its own name where
 * that is a private one, the hosts (IPv6 without brackets) that lead to it, and what it calls itself.
 */
export function certifiedNames(hostname: string, hosts: readonly string[]): CertifiedNames {
  const own = hostname.toLowerCase().replace(/\.$/, '');
  const names = ['localhost', `${own.split('.', 1)[0]!}.local`, own, ...hosts].filter(isPermittedName);
  return {
    dns: [...new Set(names)],
    addresses: [...new Set(['127.0.0.1', '::1', ...hosts.filter(isPermittedAddress)])],
  };
}
