import { describe, expect, it } from 'vitest';
import { farmKnee } from '../../../../bench/farm/report/knee.ts';

const points = (...gains: readonly (readonly [number, number])[]) =>
  gains.map(([devices, gain]) => ({ devices, gain }));

describe('the knee of a farm', () => {
  it('is where a device more adds less than half', () => {
    const knee = farmKnee(points([1, 1], [4, 3.6], [8, 6.2], [11, 7.1]));
    expect(knee).toMatchObject({ kind: 'at', devices: 8, next: 11 });
    expect(knee).toHaveProperty('perDevice', expect.closeTo(0.3, 12));
  });

  it('is the first such step, though later ones are better, and whatever the order', () => {
    const knee = farmKnee(points([8, 9], [1, 1], [4, 2.2]));
    expect(knee).toMatchObject({ kind: 'at', devices: 1, next: 4 });
  });

  it('lies beyond where every step is worth it, the bound included', () => {
    expect(farmKnee(points([1, 1], [4, 2.5], [8, 4.5]))).toEqual({ kind: 'beyond', devices: 8 });
  });

  it('is at the step that makes things worse', () => {
    expect(farmKnee(points([1, 1], [4, 0.7]))).toMatchObject({
      devices: 1,
      perDevice: expect.closeTo(-0.1, 9) as number,
    });
  });

  it('takes two points', () => {
    expect(farmKnee([])).toEqual({ kind: 'unknown' });
    expect(farmKnee(points([4, 3.5]))).toEqual({ kind: 'unknown' });
  });
});
