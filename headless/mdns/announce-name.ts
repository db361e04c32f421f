import type { Clock } from '../../src/shared/clock.ts';
import { HostName } from './host-name.ts';
import { mdnsNetworks, ownAddresses } from './lan-networks.ts';
import type { MdnsLink } from './mdns-link.ts';
import { openMdnsLink, type MdnsNetwork } from './open-mdns-link.ts';

/** A name by which other devices in the network find this machine. */
export interface AnnouncedName {
  /** As `peerceptron.local`; undefined while it is not known whether it is free, and in no network. */
  readonly name: string | undefined;
  /** Resolves when there is a name, or no network to have one in. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface AnnounceNameOptions {
  /** The address that the server listens on; absent: all. */
  readonly host?: string | undefined;
  readonly clock: Clock;
  readonly note: (sentence: string) => void;
}

const WANTED = 'peerceptron';
/** Wi-Fi comes and goes, and addresses change. */
const LOOKED_EVERY_MS = 10_000;
/** Three probes and a random pause take a second; in a network where others have several such names, more. */
const PATIENCE_MS = 5000;

/** Has a name for this machine in its networks, from now on and whatever networks those are. */
export function announceName({ host, clock, note }: AnnounceNameOptions): AnnouncedName {
  let isReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => (isReady = resolve));
  let told: string | undefined;
  const hostName = new HostName({
    wanted: WANTED,
    clock,
    random: () => Math.random(),
    isOwn: (address) => ownAddresses().has(address),
    onName: (name) => {
      if (told !== undefined && told !== name)
        note(`Another device in the network is called ${told}; this machine is ${name} from now on.`);
      told = name;
      isReady();
    },
  });
  const links = new Map<string, MdnsLink>();
  /** Networks in which the port cannot be had; that does not change by itself. */
  const broken = new Set<string>();
  const drop = (key: string, { message }: Error): void => {
    const link = links.get(key);
    if (!link) return;
    if (broken.size === 0) note(`This machine has no name in the network (mDNS): ${message}`);
    broken.add(key);
    links.delete(key);
    hostName.setLinks([...links.values()]);
    void link.close();
    if (links.size === 0) isReady();
  };
  const look = (): void => {
    const found = new Map(mdnsNetworks(host).map((network) => [keyOf(network), network]));
    const gone = [...links].filter(([key]) => !found.has(key));
    const fresh = [...found].filter(([key]) => !links.has(key) && !broken.has(key));
    if (gone.length === 0 && fresh.length === 0) return;
    for (const [key] of gone) links.delete(key);
    for (const [key, network] of fresh)
      links.set(
        key,
        openMdnsLink(network, (error) => drop(key, error)),
      );
    hostName.setLinks([...links.values()]);
    for (const [, link] of gone) void link.close();
  };
  look();
  if (links.size === 0) isReady();
  const cancelPatience = clock.after(PATIENCE_MS, isReady);
  let cancelLook = (): void => undefined;
  const lookLater = (): void => {
    cancelLook = clock.after(LOOKED_EVERY_MS, () => {
      look();
      lookLater();
    });
  };
  lookLater();
  return {
    get name() {
      return hostName.held;
    },
    ready,
    close: async () => {
      cancelLook();
      cancelPatience();
      hostName.close();
      await Promise.all([...links.values()].map((link) => link.close()));
    },
  };
}

const keyOf = ({ address, netmask, addresses }: MdnsNetwork): string =>
  [address, netmask, ...addresses].join(' ');
