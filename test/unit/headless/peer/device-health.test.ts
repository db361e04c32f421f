import { describe, expect, it } from 'vitest';
import {
  DeviceHealthProbe,
  parseThrottled,
  type HealthSources,
} from '../../../../headless/peer/device-health.ts';

const THROTTLED = '/sys/devices/platform/soc/soc:firmware/get_throttled';

function device(files: Readonly<Record<string, string>>, vcgencmd?: string) {
  const runs: string[] = [];
  const sources: HealthSources = {
    list: async (folder) =>
      [
        ...new Set(
          Object.keys(files).flatMap((path) =>
            path.startsWith(`${folder}/`) ? path.slice(folder.length + 1).split('/')[0]! : [],
          ),
        ),
      ].reverse(),
    read: async (path) => files[path],
    run: async (program, args) => {
      runs.push([program, ...args].join(' '));
      return vcgencmd;
    },
  };
  return { probe: new DeviceHealthProbe(sources), runs };
}

const reasons = (text: string, which: 'now' | 'sinceBoot'): string[] =>
  Object.entries(parseThrottled(text)!).flatMap(([reason, state]) => (state[which] ? [reason] : []));

describe('the bits of get_throttled', () => {
  it('say what holds a Raspberry Pi back, and what has since it was started', () => {
    expect(reasons('50005\n', 'now')).toEqual(['under-voltage', 'throttled']);
    expect(reasons('50005\n', 'sinceBoot')).toEqual(['under-voltage', 'throttled']);
    expect(reasons('0xe0008', 'now')).toEqual(['soft-temperature-limit']);
    expect(reasons('0xe0008', 'sinceBoot')).toEqual([
      'frequency-capped',
      'throttled',
      'soft-temperature-limit',
    ]);
    expect(reasons('0', 'sinceBoot')).toEqual([]);
  });

  it('are nothing where something else is said', () => {
    expect(parseThrottled('VCHI initialization failed')).toBeUndefined();
  });
});

describe('how a device is', () => {
  it('is read from the files of the kernel', async () => {
    const { probe, runs } = device({
      '/sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
      '/sys/class/thermal/thermal_zone0/temp': '61850\n',
      '/sys/class/thermal/thermal_zone1/temp': '-5000\n',
      '/sys/class/thermal/thermal_zone2/type': 'broken\n',
      '/sys/class/thermal/cooling_device0/type': 'fan\n',
      [THROTTLED]: '4\n',
    });
    const { temperatures, throttling } = await probe.read();
    expect(temperatures).toEqual([
      { zone: 'cpu-thermal', celsius: 61.85 },
      { zone: 'thermal_zone1', celsius: -5 },
    ]);
    expect(throttling!.throttled).toEqual({ now: true, sinceBoot: false });
    expect(runs).toEqual([]);
  });

  it('is asked of the firmware where there is no such file', async () => {
    const { probe, runs } = device({}, 'throttled=0x10000\n');
    for (let time = 0; time < 2; time++)
      expect((await probe.read()).throttling!['under-voltage']).toEqual({ now: false, sinceBoot: true });
    expect(runs).toEqual(['vcgencmd get_throttled', 'vcgencmd get_throttled']);
  });

  it('is unknown on other devices, whose missing program is looked for once', async () => {
    const { probe, runs } = device({});
    for (let time = 0; time < 3; time++)
      expect(await probe.read()).toEqual({ temperatures: [], throttling: undefined });
    expect(runs).toHaveLength(1);
  });
});
