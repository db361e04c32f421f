import { networkInterfaces } from 'node:os';
import { isOutside } from '../platform.ts';
import type { MdnsNetwork } from './open-mdns-link.ts';

/**
 * The networks in which this machine tells its name: those in which a server that listens on `host` (default: all addresses) is reached
 * from other devices. `interfaces`: as the system tells them.
 */
export function mdnsNetworks(
  host: string | undefined,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): MdnsNetwork[] {
  const isAny = host === undefined || host === '0.0.0.0' || host === '::';
  return Object.values(interfaces).flatMap((all = []) => {
    const reachable = all.filter((each) => isOutside(each) && (isAny || each.address === host.toLowerCase()));
    // Multicast DNS goes over IPv4 here; a network without it is none that a name could be told in.
    const carrier = all.find((each) => isOutside(each) && each.family === 'IPv4');
    if (!carrier || reachable.length === 0) return [];
    const { address, netmask } = carrier;
    return [{ address, netmask, addresses: reachable.map((each) => each.address) }];
  });
}

/** All addresses of this machine, those that lead nowhere included. */
export const ownAddresses = (): ReadonlySet<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)));
