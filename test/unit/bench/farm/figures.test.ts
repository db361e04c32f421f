import { describe, expect, it } from 'vitest';
import { percentile } from '../../../../bench/benchmark.ts';
import { ownerOf } from '../../../../bench/farm/namespaces.ts';
import { statusBytes } from '../../../../bench/farm/process-usage.ts';
import { portTraffic, shaped } from '../../../../bench/farm/shaping.ts';

describe('the shape of a link', () => {
  it('saves up two milliseconds, and queues a megabyte', () => {
    expect(shaped(90)).toBe('tbf rate 90000000bit burst 22500 limit 1048576');
  });

  it('lets a slow link save up two packets, for one that is larger than a burst never passes', () => {
    expect(shaped(0.5)).toBe('tbf rate 500000bit burst 3028 limit 1048576');
  });
});

it('what comes in at a port of the switch is what its device has sent', () => {
  const stats64 = { rx: { bytes: 70, packets: 1 }, tx: { bytes: 90, packets: 2 } };
  const ports = portTraffic(JSON.stringify([{ ifname: 'port1', mtu: 1500, stats64 }]));
  expect([...ports]).toEqual([['port1', { sentBytes: 70, receivedBytes: 90 }]]);
  expect(() => portTraffic('[{ "ifname": "port1" }]')).toThrow();
});

it('a namespace has the process that made it in its name', () => {
  expect(ownerOf('peerceptron-123-1-switch')).toBe(123);
  expect(ownerOf('peerceptron-x-switch')).toBeUndefined();
  expect(ownerOf('my-peerceptron-123-1')).toBeUndefined();
});

it('memory of a process is read in KiB', () => {
  const status = 'VmPeak:\t 90 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1000 kB\n';
  expect(statusBytes(status, 'VmHWM')).toBe(2 ** 21);
  expect(statusBytes(status, 'VmRSS')).toBe(1_024_000);
  expect(statusBytes('', 'VmRSS')).toBe(0);
});

it('percentiles are values that were measured', () => {
  const values = Array.from({ length: 20 }, (_, index) => 20 - index);
  expect([0, 50, 95, 100].map((percent) => percentile(values, percent))).toEqual([1, 10, 19, 20]);
});
