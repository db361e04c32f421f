import { describe, expect, it } from 'vitest';
import { describeDevice } from '../../../src/ui/device.ts';
import { describeBox, formatBytes, formatMs } from '../../../src/ui/format.ts';

const agents = {
  chromeLinux:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  chromeAndroid:
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  safariPhone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  firefoxPi: 'Mozilla/5.0 (X11; Linux aarch64; rv:140.0) Gecko/20100101 Firefox/140.0',
  edge: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
};
const describeAgent = (userAgent: string, deviceMemory?: number) =>
  describeDevice({ userAgent, deviceMemory, crossOriginIsolated: true, hasWakeLock: true });

describe('what a device says of itself', () => {
  it.each([
    [agents.chromeLinux, 'Chrome on Linux'],
    [agents.chromeAndroid, 'Chrome on Android'],
    [agents.safariPhone, 'Safari on iPhone'],
    [agents.firefoxPi, 'Firefox on Linux on Arm'],
    [agents.edge, 'Edge on Windows'],
    ['something else', 'Browser on an unknown system'],
  ])('%s is called %s', (agent, name) => {
    expect(describeAgent(agent).name).toBe(name);
  });

  it.each([
    ['a phone, however large', agents.chromeAndroid, 8, 500e6],
    ['a laptop of 4 GB', agents.chromeLinux, 4, 1000e6],
    ['a workstation', agents.chromeLinux, 32, 2000e6],
    ['a small board', agents.chromeLinux, 0.5, 250e6],
    ['a browser that does not tell', agents.firefoxPi, undefined, 1000e6],
  ])('%s offers what its tab survives', (_, agent, memory, bytes) => {
    expect(describeAgent(agent, memory).memoryBytes).toBe(bytes);
  });

  it('names what the browser lacks', () => {
    const bare = { userAgent: '', crossOriginIsolated: false, hasWakeLock: false };
    expect(describeDevice(bare).missing).toEqual(['threads', 'wake-lock']);
    expect(describeDevice({ ...bare, crossOriginIsolated: true, hasWakeLock: true }).missing).toEqual([]);
  });
});

describe('figures for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_040_000, '1 MB'],
    [1_500_000_000, '1.5 GB'],
    [999_600_000, '1 GB'],
    [411_000_000, '411 MB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.84, '0.8 ms'],
    [194.4, '194 ms'],
    [1440, '1.4 s'],
  ])('%d ms are %s', (ms, text) => expect(formatMs(ms)).toBe(text));

  it('reads half-open boxes with their last members', () => {
    expect(
      describeBox([
        [14, 28],
        [0, 56],
        [3, 4],
      ]),
    ).toBe('rows 14–27, columns 0–55, channels 3');
    expect(describeBox([[0, 0]])).toBe('no units');
    expect(describeBox([])).toBe('');
  });
});
