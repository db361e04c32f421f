import { describe, expect, it } from 'vitest';
import { busyShares, joulesPerFrame, PI3_WATTS, wattsOf } from '../../../../bench/farm/energy.ts';

describe('the power of a Pi 3', () => {
  it.each([
    ['idles', 0, 0, 1.3],
    ['computes on one core', 1, 0, 3],
    ['computes half of the time', 0.5, 0, 2.15],
    ['works on all four cores', 1, 1, 6.5],
    ['has one other thread that always works', 0, 1 / 3, 1.3 + 3.5 / 3],
    ['is said to do more than it can', 1.2, 7, 6.5],
    ['is said to do less than nothing', -0.1, -1, 1.3],
  ])('that %s', (_, compute, other, watts) => {
    expect(wattsOf({ compute, other })).toBeCloseTo(watts, 12);
  });

  it('counts devices that wait, too', () => {
    const works = { compute: 1, other: 0 };
    const waits = { compute: 0, other: 0 };
    expect(joulesPerFrame([works, waits], 0.5)).toBeCloseTo((PI3_WATTS.average + PI3_WATTS.idle) / 0.5, 12);
    expect(joulesPerFrame([], 2)).toBe(0);
  });

  it('comes from processor time, of which a device has a share', () => {
    // A tenth of a core for ten seconds is a second of it, and three for the other cores.
    const shares = busyShares({ computeMs: 800, otherMs: 300, wallMs: 10_000, share: 0.1 });
    expect(shares.compute).toBeCloseTo(0.8, 12);
    expect(shares.other).toBeCloseTo(0.1, 12);
    expect(busyShares({ computeMs: 1100, otherMs: 0, wallMs: 10_000, share: 0.1 }).compute).toBe(1);
  });
});
