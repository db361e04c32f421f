import { readFileSync } from 'node:fs';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { ip, newNamespace, removeLeftovers, removeNamespace, tc, whyNoNetwork } from './namespaces.ts';
import { portTraffic, shaped, type Traffic } from './shaping.ts';

export interface NetworkDevice {
  /** Letters, digits and dashes. */
  readonly name: string;
  /** Of its link, each way, over all of its connections. */
  readonly megabitsPerSecond: number;
}

/** A switch and devices, each in a network namespace of its own. Nothing of it can be reached from elsewhere, nor reach anything else. */
export interface FarmNetwork {
  /** Of the switch, whose own link has no limit: for a server. */
  readonly switchAddress: string;
  addressOf(device: string): string;
  /** What a program is started by to run at the switch. */
  readonly switchCommand: readonly string[];
  /** What a program is started by to run on a device: `spawn` with this, the program and its arguments keeps the process's id. */
  commandOf(device: string): readonly string[];
  /** Of what a device sends, and of what it gets, from the next packet on. */
  setRate(device: string, megabitsPerSecond: number): void;
  traffic(): ReadonlyMap<string, Traffic>;
  /** Ends what still runs in it. Does nothing the second time. */
  close(): void;
}

/** Of the only interface of a device. */
const CABLE = 'cable';
const BRIDGE = 'bridge';
/** One subnet, in namespaces that know no other. */
const MOST_DEVICES = 250;
const SWITCH_ADDRESS = '10.77.0.254';
const addressAt = (index: number): string => `10.77.0.${index + 1}`;
const portAt = (index: number): string => `port${index + 1}`;

/** One kind of address, and nothing that announces itself: an interface that is idle carries nothing. */
const QUIET =
  'if [ -d /proc/sys/net/ipv6 ]; then for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done; fi';

/**
 * What UDP sockets of programs hold here while those are not scheduled, headers and the kernel's own use of memory included: with Linux'
 * default of 212,992 bytes (`net.core.rmem_default`) bursts of more than some 110 KB are lost, and SCTP waits for a time-out. It is the
 * machine's setting, for no namespace has one of its own; figures of a farm should name it.
 */
export const socketBufferBytes = (): number =>
  Number(readFileSync('/proc/sys/net/core/rmem_default', 'utf8'));

/** Of the network only: `ip netns exec` would hide the control groups from the program. */
const enter = (namespace: string): readonly string[] => ['nsenter', `--net=/run/netns/${namespace}`];

let networks = 0;

/**
 * Opens the network; namespaces of runs that were killed are removed first, with all that runs in them.
 * @throws USAGE where this machine or this user cannot, with what is missing
 */
export function openFarmNetwork(devices: readonly NetworkDevice[]): FarmNetwork {
  const names = devices.map(({ name }) => name);
  const wrong = names.find((name, index) => !/^[A-Za-z0-9-]+$/.test(name) || names.indexOf(name) !== index);
  if (wrong !== undefined) {
    throw new PeerceptronError(
      'USAGE',
      `devices need names of their own, of letters, digits and dashes: '${wrong}'`,
    );
  }
  if (devices.length > MOST_DEVICES) {
    throw new PeerceptronError('USAGE', `a farm has at most ${MOST_DEVICES} devices`);
  }
  const missing = whyNoNetwork();
  if (missing !== undefined) throw new PeerceptronError('USAGE', `no network for a farm: ${missing}`);
  removeLeftovers();
  networks += 1;
  const network = new Namespaces(devices, `${process.pid}-${networks}`);
  try {
    network.open();
  } catch (cause) {
    network.close();
    throw new PeerceptronError('USAGE', `no network for a farm: ${String(cause)}`, { cause });
  }
  return network;
}

class Namespaces implements FarmNetwork {
  readonly switchAddress = SWITCH_ADDRESS;
  readonly #devices: readonly NetworkDevice[];
  readonly #indices: ReadonlyMap<string, number>;
  readonly #owner: string;
  readonly #opened: string[] = [];

  constructor(devices: readonly NetworkDevice[], owner: string) {
    this.#devices = devices;
    this.#indices = new Map(devices.map(({ name }, index) => [name, index]));
    this.#owner = owner;
  }

  open(): void {
    const center = this.#switch;
    this.#make(center);
    ip(center, [
      'link set lo up',
      `link add ${BRIDGE} type bridge forward_delay 0`,
      `address add ${SWITCH_ADDRESS}/24 dev ${BRIDGE}`,
      `link set ${BRIDGE} up`,
    ]);
    for (const [index, { name, megabitsPerSecond }] of this.#devices.entries()) {
      const namespace = this.#namespaceOf(name);
      this.#make(namespace);
      ip(center, [
        `link add ${portAt(index)} type veth peer name ${CABLE} netns ${namespace}`,
        `link set ${portAt(index)} master ${BRIDGE} up`,
      ]);
      ip(namespace, [
        'link set lo up',
        `address add ${addressAt(index)}/24 dev ${CABLE}`,
        `link set ${CABLE} up`,
      ]);
      this.setRate(name, megabitsPerSecond);
    }
  }

  get switchCommand(): readonly string[] {
    return enter(this.#switch);
  }

  addressOf(device: string): string {
    return addressAt(this.#indexOf(device));
  }

  commandOf(device: string): readonly string[] {
    this.#indexOf(device);
    return enter(this.#namespaceOf(device));
  }

  setRate(device: string, megabitsPerSecond: number): void {
    const shape = shaped(megabitsPerSecond);
    const port = portAt(this.#indexOf(device));
    tc(this.#namespaceOf(device), [`qdisc replace dev ${CABLE} root ${shape}`]);
    tc(this.#switch, [`qdisc replace dev ${port} root ${shape}`]);
  }

  traffic(): ReadonlyMap<string, Traffic> {
    const ports = portTraffic(ip(this.#switch, [], ['-s', '-j', 'link', 'show']));
    return new Map(this.#devices.map(({ name }, index) => [name, ports.get(portAt(index))!]));
  }

  close(): void {
    // The devices first: the switch takes its ends of the cables with it.
    for (const namespace of this.#opened.splice(0).reverse()) removeNamespace(namespace);
  }

  #make(namespace: string): void {
    newNamespace(namespace, QUIET);
    this.#opened.push(namespace);
  }

  #indexOf(device: string): number {
    const index = this.#indices.get(device);
    if (index === undefined) throw new PeerceptronError('INTERNAL', `the network has no device '${device}'`);
    return index;
  }

  get #switch(): string {
    return `peerceptron-${this.#owner}-switch`;
  }

  #namespaceOf(device: string): string {
    return `peerceptron-${this.#owner}-device-${device}`;
  }
}
