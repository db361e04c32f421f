import { describe, expect, it } from 'vitest';
import { DEVICE_PRESETS } from '../../../src/planner/device-presets.ts';
import { parseDeviceList, parseDevicesFile } from '../../../src/planner/devices-file.ts';
import { buildWorld, deviceIdAt, lossyLink } from '../../../src/planner/devices-world.ts';
import { thrownBy } from '../mesh/thrown.ts';

const pi = DEVICE_PRESETS.pi3;

describe('lists of presets', () => {
  it('count and number their devices', () => {
    const { devices } = parseDeviceList('pi3*2, laptop');
    expect(devices.map(({ name }) => name)).toEqual(['pi3-1', 'pi3-2', 'laptop']);
  });

  it('go on counting where a preset is named twice', () => {
    const { devices } = parseDeviceList('pi4,phone,pi4*2');
    expect(devices.map(({ name }) => name)).toEqual(['pi4-1', 'phone', 'pi4-2', 'pi4-3']);
  });

  it.each([
    ['pi9*4', "'pi9*4' is no preset"],
    ['pi3*0', "'pi3*0' is no preset"],
    ['', "'' is no preset"],
    ['pi3*2000', '2000 of them, and at most 1000'],
  ])('refuse %j', (list, message) => {
    const error = thrownBy(() => parseDeviceList(list));
    expect(error.code).toBe('DEVICES_INVALID');
    expect(error.message).toContain(message);
  });
});

describe('devices files', () => {
  it('change what a preset says', () => {
    const { devices } = parseDevicesFile({
      devices: [
        { preset: 'pi3', name: 'slow', speed: 0.5, memory: '256MB', rateMbit: 8, delayMs: 20, loss: 0.01 },
        { preset: 'pi3' },
      ],
    });
    const [slow, plain] = devices;
    expect(slow).toMatchObject({ name: 'slow', memoryBytes: 256e6, rateMbit: 8, delayMs: 20, loss: 0.01 });
    expect(slow!.profile.rates.conv.msPerMac).toBe(pi.profile.rates.conv.msPerMac * 2);
    expect(slow!.profile.tileMs).toBe(pi.profile.tileMs * 2);
    expect(slow!.profile.transport.uplinkBytesPerMs).toBe(1000);
    expect(plain).toMatchObject({
      profile: pi.profile,
      memoryBytes: pi.memoryBytes,
      watts: pi.watts,
      loss: 0,
    });
  });

  it('take measured profiles', () => {
    const { devices } = parseDevicesFile({ devices: [{ profile: pi.profile, name: 'mine', memory: 1e9 }] });
    expect(devices[0]).toMatchObject({ name: 'mine', profile: pi.profile, memoryBytes: 1e9 });
    expect(devices[0]!.rateMbit).toBe(40);
    expect(devices[0]!.watts).toBeUndefined();
  });

  it.each([
    ['nothing', {}, 'devices'],
    ['no devices', { devices: [] }, 'devices'],
    [
      'an unknown preset',
      { devices: [{ preset: 'pi9' }] },
      'devices.0.preset: no preset "pi9": there are pi3',
    ],
    ['neither preset nor profile', { devices: [{}] }, 'devices.0: give one of "preset"'],
    ['both', { devices: [{ preset: 'pi3', profile: pi.profile }] }, 'devices.0: give one of "preset"'],
    [
      'a size that is none',
      { devices: [{ preset: 'pi3', memory: 'much' }] },
      'devices.0.memory: expected a size',
    ],
    ['more loss than half', { devices: [{ preset: 'pi3', loss: 0.9 }] }, 'devices.0.loss'],
    ['a speed of 0', { devices: [{ preset: 'pi3', speed: 0 }] }, 'devices.0.speed'],
    ['unknown fields', { devices: [{ preset: 'pi3', spede: 1 }] }, 'devices.0.spede'],
    [
      'an unknown requester',
      { devices: [{ preset: 'pi3' }], requester: 'nobody' },
      "requester: no device 'nobody': there are pi3",
    ],
    [
      'unknown ends of links',
      { devices: [{ preset: 'pi3' }], links: [{ between: ['pi3', 'pi4'], rateMbit: 1 }] },
      "links.0.between: no device 'pi4': there are requester, pi3",
    ],
  ])('refuse %s', (_, raw, message) => {
    const error = thrownBy(() => parseDevicesFile(raw));
    expect(error.code).toBe('DEVICES_INVALID');
    expect(error.message).toContain(message);
    expect(error.message).toContain('docs/devices.schema.json');
  });
});

describe('worlds of devices files', () => {
  it('join two connections: the slower rate, both delays', () => {
    const { devices } = buildWorld(parseDeviceList('pi3,laptop'));
    const world = buildWorld(parseDeviceList('pi3,laptop'));
    expect(world.link(devices[0]!.id, devices[1]!.id)).toEqual({ roundTripMs: 7, bytesPerMs: 5000 });
  });

  it('have a requester of their own, like the first device, unless the file names one', () => {
    const own = buildWorld(parseDeviceList('pi3*2'));
    expect(own.devices.map(({ id }) => id)).not.toContain(own.requester.id);
    expect(own.requester.transport).toEqual(pi.profile.transport);
    const named = buildWorld(
      parseDevicesFile({ devices: [{ preset: 'pi3', count: 2 }], requester: 'pi3-2' }),
    );
    expect(named.requester.id).toBe(deviceIdAt(1));
    const other = buildWorld(
      parseDevicesFile({ devices: [{ preset: 'pi3', count: 2 }], requester: { preset: 'laptop' } }),
    );
    expect(other.requester.transport).toEqual(DEVICE_PRESETS.laptop.profile.transport);
  });

  it('take exceptions for single links and for groups, the later one where both say something', () => {
    const world = buildWorld(
      parseDevicesFile({
        devices: [{ preset: 'pi3', count: 2, name: 'pi' }, { preset: 'laptop' }],
        links: [
          { between: ['pi', 'laptop'], rateMbit: 8 },
          { between: ['laptop', 'pi-2'], delayMs: 10 },
          { between: ['requester', 'laptop'], rateMbit: 1 },
        ],
      }),
    );
    const [first, second, laptop] = world.devices.map(({ id }) => id);
    expect(world.link(first!, laptop!)).toEqual({ roundTripMs: 7, bytesPerMs: 1000 });
    expect(world.link(laptop!, second!)).toEqual({ roundTripMs: 20, bytesPerMs: 1000 });
    expect(world.link(first!, second!)).toEqual({ roundTripMs: 8, bytesPerMs: 5000 });
    expect(world.link(world.requester.id, laptop!).bytesPerMs).toBe(125);
  });
});

describe('links that lose packets', () => {
  const link = { roundTripMs: 20, bytesPerMs: 12_500 };

  it('carry what congestion control leaves of them', () => {
    // 1200 B / 20 ms · √1.5 / √0.01
    expect(lossyLink(link, 0.01).bytesPerMs).toBeCloseTo(734.8, 1);
    // A slow link is not slowed further than by what has to be repeated.
    expect(lossyLink({ roundTripMs: 20, bytesPerMs: 100 }, 0.01).bytesPerMs).toBeCloseTo(99, 6);
    expect(lossyLink(link, 0)).toBe(link);
  });

  it('get slower and later with every loss more', () => {
    const losses = [0, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5];
    const links = losses.map((loss) => lossyLink(link, loss));
    for (const [index, { bytesPerMs, roundTripMs }] of links.entries()) {
      if (index === 0) continue;
      expect(bytesPerMs).toBeLessThanOrEqual(links[index - 1]!.bytesPerMs);
      expect(roundTripMs).toBeGreaterThan(links[index - 1]!.roundTripMs);
    }
  });
});
