import { describe, expect, it } from 'vitest';
import { SharedDevice } from '../../../src/runtime/shared-device.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { noWork, workMs } from '../../../src/planner/cost-model.ts';
import { sharedProfile } from '../../../src/planner/shared-profile.ts';
import { testProfile } from '../../support/test-profile.ts';

function fakeEngine(): {
  readonly engine: Engine;
  readonly shares: number[];
  readonly steady: (boolean | undefined)[];
} {
  const shares: number[] = [];
  const steady: (boolean | undefined)[] = [];
  const engine = {
    name: 'fake',
    setShare: async (share: number, isSteady?: boolean) => {
      shares.push(share);
      steady.push(isSteady);
    },
  };
  return { engine: engine as unknown as Engine, shares, steady };
}

describe('SharedDevice', () => {
  it('measures with all of the device, once, and says what a part of it does', async () => {
    const { engine, shares } = fakeEngine();
    const measuredAt: number[] = [];
    const device = new SharedDevice({
      engine,
      share: 0.25,
      measure: async () => {
        measuredAt.push(shares.at(-1)!);
        return testProfile;
      },
    });
    const [first, second] = await Promise.all([device.profile(), device.profile()]);
    expect(first).toEqual(sharedProfile(testProfile, 0.25));
    expect(second).toEqual(first);
    expect(measuredAt).toEqual([1]);
    expect(shares.at(-1)).toBe(0.25);
    await device.setShare(0.5);
    expect(shares.at(-1)).toBe(0.5);
    expect(await device.profile()).toEqual(sharedProfile(testProfile, 0.5));
    expect(measuredAt).toEqual([1]);
  });

  it('measures what runs take, not what they take undisturbed', async () => {
    const { engine, steady } = fakeEngine();
    const measuredAs: (boolean | undefined)[] = [];
    const measure = async (): Promise<typeof testProfile> => {
      measuredAs.push(steady.at(-1));
      return testProfile;
    };
    const device = new SharedDevice({ engine, share: 1, measure });
    await device.setShare(1, true);
    await device.profile();
    expect(measuredAs).toEqual([false]);
    expect(steady.at(-1)).toBe(true);
  });

  it('keeps to its part when measuring failed, and tries again', async () => {
    const { engine, shares } = fakeEngine();
    let tries = 0;
    const device = new SharedDevice({
      engine,
      share: 0.5,
      measure: async () => {
        if (++tries === 1) throw new Error('disturbed');
        return testProfile;
      },
    });
    await expect(device.profile()).rejects.toThrow('disturbed');
    expect(shares.at(-1)).toBe(0.5);
    expect(await device.profile()).toEqual(sharedProfile(testProfile, 0.5));
  });

  it('has a code for an engine that cannot keep to a part', async () => {
    const engine = { name: 'other' } as unknown as Engine;
    const device = new SharedDevice({ engine, share: 1, measure: async () => testProfile });
    await device.setShare(1);
    await expect(device.setShare(0.5)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });
});

describe('sharedProfile', () => {
  it('has all work take 1/share as long, and messages and the way to the engine as long as before', () => {
    const shared = sharedProfile(testProfile, 0.2);
    for (let index = 0; index < noWork().length; index++) {
      const work = noWork();
      work[index] = 1e6;
      expect(workMs(work, shared)).toBeCloseTo(5 * workMs(work, testProfile), 9);
    }
    const { tileMs, tripMs } = testProfile;
    expect(shared.tripMs).toBe(tripMs);
    expect(shared.tileMs).toBeCloseTo(tripMs + 5 * (tileMs - tripMs), 9);
    expect(shared.transport).toEqual(testProfile.transport);
    expect(sharedProfile(testProfile, 1)).toBe(testProfile);
  });
});
