import { describe, expect, it } from 'vitest';
import { equalFarm, parseFarm, readFarm } from '../../../../bench/farm/description.ts';
import { thrownBy } from '../../mesh/thrown.ts';

const pi = { share: 0.1, memory: '1GB', megabitsPerSecond: 90 };

describe('a farm file', () => {
  it('numbers the devices of a group, and has a requester like the first device', () => {
    const { devices, requester } = parseFarm({
      devices: [
        { ...pi, name: 'pi', count: 2 },
        { share: 0.05, memory: 512e6, megabitsPerSecond: 10, delayMs: 3, jitterMs: 1, otherCores: 3 },
      ],
    });
    const same = { share: 0.1, memoryBytes: 1e9, megabitsPerSecond: 90 };
    expect(devices).toEqual([
      { ...same, name: 'pi-1' },
      { ...same, name: 'pi-2' },
      {
        name: 'device-2',
        share: 0.05,
        otherCores: 3,
        memoryBytes: 512e6,
        megabitsPerSecond: 10,
        delayMs: 3,
        jitterMs: 1,
      },
    ]);
    expect(requester).toEqual({ ...same, name: 'requester' });
  });

  it('may have a requester of its own', () => {
    const { requester } = parseFarm({ devices: [pi], requester: { ...pi, name: 'laptop', share: 1 } });
    expect(requester).toEqual({ name: 'laptop', share: 1, memoryBytes: 1e9, megabitsPerSecond: 90 });
  });

  it.each([
    ['no devices', { devices: [] }, 'devices'],
    ['a share of more than a core', { devices: [{ ...pi, share: 1.5 }] }, 'devices.0.share'],
    ['less than the kernel can count', { devices: [{ ...pi, share: 1e-4 }] }, 'devices.0.share'],
    ['a size that is none', { devices: [{ ...pi, memory: 'much' }] }, 'devices.0.memory: expected a size'],
    ['a name that is no name', { devices: [{ ...pi, name: 'a b' }] }, 'devices.0.name'],
    ['a field that there is not', { devices: [{ ...pi, cores: 4 }] }, 'devices.0.cores'],
    [
      'more than a machine plays',
      {
        devices: [
          { ...pi, count: 30 },
          { ...pi, count: 3 },
        ],
      },
      '33 of them',
    ],
    [
      'two of a name',
      {
        devices: [
          { ...pi, name: 'pi' },
          { ...pi, name: 'pi' },
        ],
      },
      "two devices are called 'pi'",
    ],
    ['a device that is called as the requester', { devices: [{ ...pi, name: 'requester' }] }, "'requester'"],
  ])('is refused with %s', (_, raw, message) => {
    const error = thrownBy(() => parseFarm(raw));
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain(message);
  });

  it('that comes with the sources can be read; one that is not there is named', async () => {
    const { devices } = await readFarm('bench/farm/mixed.json');
    expect(devices).toHaveLength(8);
    await expect(readFarm('bench/farm/none.json')).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('of equal devices is made without one', () => {
    const { devices, requester } = equalFarm(2, { share: 0.1, memoryBytes: 1e9, megabitsPerSecond: 90 });
    expect([...devices, requester].map(({ name }) => name)).toEqual(['device-1', 'device-2', 'requester']);
  });
});
