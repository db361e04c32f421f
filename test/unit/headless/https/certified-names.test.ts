import { describe, expect, it } from 'vitest';
import { certifiedNames, isPermittedHost } from '../../../../headless/https/certified-names.ts';

describe('what the local authority vouches for', () => {
  it('is what a machine is called in its own network', () => {
    expect(certifiedNames('RaspberryPi', ['192.168.1.20', '10.0.0.7', 'fd12::1'])).toEqual({
      dns: ['localhost', 'raspberrypi.local'],
      addresses: ['127.0.0.1', '::1', '192.168.1.20', '10.0.0.7', 'fd12::1'],
    });
    expect(certifiedNames('pi.home.arpa', ['pi.lan']).dns).toEqual([
      'localhost',
      'pi.local',
      'pi.home.arpa',
      'pi.lan',
    ]);
    expect(certifiedNames('Macs-MacBook.local', []).dns).toEqual(['localhost', 'macs-macbook.local']);
  });

  it('is nothing that lies outside, and no name that is none', () => {
    expect(certifiedNames('server.example.com', ['203.0.113.9', '2001:db8::1', 'example.com'])).toEqual({
      dns: ['localhost', 'server.local'],
      addresses: ['127.0.0.1', '::1'],
    });
    expect(certifiedNames('Jürgens PC', []).dns).toEqual(['localhost']);
    expect(certifiedNames('', []).dns).toEqual(['localhost']);
  });

  it.each([
    ['192.168.0.1', true],
    ['172.31.255.255', true],
    ['172.32.0.0', false],
    ['100.64.0.1', true],
    ['8.8.8.8', false],
    ['fdff::1', true],
    ['2a00::1', false],
    ['printer.local', true],
    ['notlocal', false],
    ['evil-local', false],
    ['*.local', false],
  ])('%s: %s', (host, permitted) => {
    expect(isPermittedHost(host)).toBe(permitted);
  });
});
