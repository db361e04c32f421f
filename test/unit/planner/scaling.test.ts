import { describe, expect, it } from 'vitest';
import { buildWorld } from '../../../src/planner/devices-world.ts';
import {
  drawDevices,
  findKnee,
  scalingCurve,
  type Population,
  type ScalingPoint,
  type ScalingSample,
} from '../../../src/planner/scaling.ts';

const population: Population = {
  presets: ['pi3', 'phone'],
  speed: { low: 0.5, high: 2 },
  rateMbit: { low: 10, high: 300 },
  delayMs: { low: 0, high: 20 },
  memoryBytes: { low: 0.25e9, high: 4e9 },
  loss: { low: 0, high: 0.02 },
};

describe('drawn devices', () => {
  const { devices } = drawDevices(population, 1000, { seed: 7, draw: 0 });

  it('stay within their ranges, and fill them', () => {
    const within = (values: number[], low: number, high: number): void => {
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
      expect(Math.min(...values)).toBeLessThan(low + (high - low) * 0.1);
      expect(Math.max(...values)).toBeGreaterThan(high - (high - low) * 0.1);
    };
    within(
      devices.map(({ rateMbit }) => rateMbit),
      10,
      300,
    );
    within(
      devices.map(({ delayMs }) => delayMs),
      0,
      20,
    );
    within(
      devices.map(({ memoryBytes }) => memoryBytes),
      0.25e9,
      4e9,
    );
    within(
      devices.map(({ loss }) => loss),
      0,
      0.02,
    );
    // Half of the rates below the geometric middle.
    const low = devices.filter(({ rateMbit }) => rateMbit < Math.sqrt(10 * 300)).length;
    expect(low).toBeGreaterThan(450);
    expect(low).toBeLessThan(550);
  });

  it('take the presets in turn', () => {
    expect(devices.slice(0, 3).map(({ name }) => name)).toEqual(['pi3-1', 'phone-2', 'pi3-3']);
  });

  it('are the same for the same seed and draw, and others for others', () => {
    const some = (seed: number, draw: number): number[] =>
      drawDevices(population, 4, { seed, draw }).devices.map(({ rateMbit }) => rateMbit);
    expect(some(7, 0)).toEqual(devices.slice(0, 4).map(({ rateMbit }) => rateMbit));
    expect(some(7, 1)).not.toEqual(some(7, 0));
    expect(some(8, 0)).not.toEqual(some(7, 0));
  });

  it('are nested: more of them begin with the same, link by link', () => {
    const few = drawDevices(population, 5, { seed: 7, draw: 0 });
    expect(few.devices).toEqual(devices.slice(0, 5));
    const [small, large] = [few, { ...few, devices }].map(buildWorld);
    const [a, b] = small!.devices.map(({ id }) => id);
    expect(large!.link(a!, b!)).toEqual(small!.link(a!, b!));
  });

  it('keep what they draw when another range is added', () => {
    const { presets, memoryBytes } = population;
    const without = drawDevices({ presets, memoryBytes: memoryBytes! }, 8, { seed: 7, draw: 0 }).devices;
    expect(without.map(({ memoryBytes }) => memoryBytes)).toEqual(
      devices.slice(0, 8).map(({ memoryBytes }) => memoryBytes),
    );
  });
});

const planned = (devices: number, draw: number, framesPerSecond: number, gain?: number): ScalingSample => ({
  devices,
  draw,
  latencyMs: 1000 / framesPerSecond,
  framesPerSecond,
  used: devices,
  isCut: false,
  ...(gain === undefined ? {} : { gain }),
});

describe('a scaling curve', () => {
  it('has medians and extremes of the draws, gains per device, and what did not fit', () => {
    const points = scalingCurve([
      { devices: 1, draw: 0, refused: '89 MB are missing' },
      planned(1, 1, 2, 1),
      planned(2, 0, 3),
      planned(2, 1, 5, 1.6),
      planned(2, 2, 4, 1.8),
    ]);
    expect(points[0]).toMatchObject({
      devices: 1,
      draws: 2,
      refused: 1,
      reason: '89 MB are missing',
      efficiency: 1,
    });
    expect(points[1]!.framesPerSecond).toEqual({ low: 3, median: 4, high: 5 });
    expect(points[1]!.gain!.median).toBeCloseTo(1.7, 12);
    expect(points[1]!.efficiency).toBeCloseTo(0.85, 12);
  });
});

describe('the knee', () => {
  const curve = (speeds: Readonly<Record<number, number>>): ScalingPoint[] =>
    scalingCurve(Object.entries(speeds).map(([devices, rate]) => planned(Number(devices), 0, rate)));

  it('is where doubling stops to gain a quarter', () => {
    // 1 → 2 and 2 → 4 gain 60 %, 4 → 8 and 8 → 16 gain 10 %.
    const points = curve({ 1: 1, 2: 1.6, 4: 2.56, 8: 2.82, 16: 3.1 });
    expect(findKnee(points, 'framesPerSecond')).toEqual({ kind: 'at', devices: 4 });
    expect(findKnee(points, 'latencyMs')).toEqual({ kind: 'at', devices: 4 });
    expect(findKnee(points, 'framesPerSecond', 0.05)).toEqual({ kind: 'beyond', devices: 16 });
  });

  it('does not stop at a step that a later one makes up for', () => {
    // Nothing from 2 to 3, as where halves become thirds only with a fourth device.
    const points = curve({ 1: 1, 2: 1.9, 3: 1.9, 4: 3.6, 8: 3.7 });
    expect(findKnee(points, 'framesPerSecond')).toEqual({ kind: 'at', devices: 4 });
  });

  it('lies at one device where more of them are worth nothing', () => {
    expect(findKnee(curve({ 1: 1, 2: 1, 100: 1 }), 'framesPerSecond')).toEqual({ kind: 'at', devices: 1 });
  });

  it('needs two numbers of devices with a plan', () => {
    const alone = [...curve({ 4: 1 }), ...scalingCurve([{ devices: 8, draw: 0, refused: 'no' }])];
    expect(findKnee(alone, 'framesPerSecond')).toEqual({ kind: 'unknown' });
    expect(findKnee([], 'framesPerSecond')).toEqual({ kind: 'unknown' });
  });
});
