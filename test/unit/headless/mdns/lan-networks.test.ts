import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { mdnsNetworks } from '../../../../headless/mdns/lan-networks.ts';

const v4 = (address: string, netmask = '255.255.255.0', internal = false): NetworkInterfaceInfo => ({
  family: 'IPv4',
  address,
  netmask,
  internal,
  mac: '',
  cidr: null,
});
const v6 = (address: string, internal = false): NetworkInterfaceInfo => ({
  family: 'IPv6',
  address,
  netmask: '',
  internal,
  mac: '',
  cidr: null,
  scopeid: 0,
});
const interfaces = {
  lo: [v4('127.0.0.1', '255.0.0.0', true), v6('::1', true)],
  eth0: [v4('192.168.1.20'), v6('fe80::1'), v6('fd00::20')],
  wlan0: [v4('10.0.0.7', '255.0.0.0')],
  sit0: [v6('fd01::1')],
};

describe('the networks of a name', () => {
  it('are those in which others reach this machine, by IPv4', () => {
    const both = [
      { address: '192.168.1.20', netmask: '255.255.255.0', addresses: ['192.168.1.20', 'fd00::20'] },
      { address: '10.0.0.7', netmask: '255.0.0.0', addresses: ['10.0.0.7'] },
    ];
    for (const host of [undefined, '0.0.0.0', '::']) expect(mdnsNetworks(host, interfaces)).toEqual(both);
  });

  it('are that of the address alone that the server listens on', () => {
    expect(mdnsNetworks('10.0.0.7', interfaces)).toEqual([
      { address: '10.0.0.7', netmask: '255.0.0.0', addresses: ['10.0.0.7'] },
    ]);
    expect(mdnsNetworks('fd00::20', interfaces)).toEqual([
      { address: '192.168.1.20', netmask: '255.255.255.0', addresses: ['fd00::20'] },
    ]);
  });

  it('are none for this machine alone, and for addresses that are not its own', () => {
    for (const host of ['127.0.0.1', '::1', 'localhost', '192.0.2.1'])
      expect(mdnsNetworks(host, interfaces)).toEqual([]);
  });
});
