import { describe, expect, it } from 'vitest';
import type { Capabilities } from '../../../../src/protocol/messages.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { defaultSettings, type DeviceSettings } from '../../../../src/ui/join/device-settings.ts';
import { OwnDevice, type OwnDeviceEvent } from '../../../../src/ui/join/own-device.ts';

const defaults = { name: 'Chrome on Linux', memoryBytes: 1e9 };
const capabilities: Capabilities = {
  ...defaults,
  engine: 'tfjs-wasm',
  accuracy: 'f32',
  platform: 'Linux',
  serves: true,
};
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function setUp({
  settings = {},
  joins = true,
  shareFails = false,
}: {
  readonly settings?: Partial<DeviceSettings>;
  readonly joins?: boolean;
  readonly shareFails?: boolean;
} = {}) {
  const calls: string[] = [];
  const events: OwnDeviceEvent[] = [];
  const offers: Capabilities[] = [];
  const saved: DeviceSettings[] = [];
  let settle: () => void = () => undefined;
  const own = new OwnDevice({
    defaults,
    settings: { ...defaultSettings(defaults), ...settings },
    save: (chosen) => saved.push(chosen),
    dispatch: (event) => events.push(event),
  });
  const join = (): void =>
    own.joined({
      capabilities,
      mesh: {
        offer: (offered) => {
          calls.push('offer');
          offers.push(offered);
        },
        leave: async () => void calls.push('mesh leaves'),
      },
      service: {
        pause: () => {
          calls.push('pause');
          return new Promise((resolve) => (settle = resolve));
        },
        resume: () => void calls.push('resume'),
        leave: async () => void calls.push('service leaves'),
        offerMemory: (bytes) => void calls.push(`memory ${bytes}`),
      },
      device: {
        setShare: async (share) => {
          if (shareFails) throw new PeerceptronError('ENGINE_FAILED', 'it cannot');
          calls.push(`share ${share}`);
        },
      },
    });
  if (joins) join();
  calls.length = 0;
  const activity = () =>
    events.flatMap((event) => (event.type === 'activity' ? [event.activity] : [])).at(-1);
  return { own, join, calls, events, offers, saved, activity, paused: () => settle() };
}

describe('this device in the room', () => {
  it('says what it joined with no second time, and what was decided before', () => {
    const { join, calls, offers } = setUp({ joins: false });
    join();
    expect(calls).toEqual(['share 1']);
    const renamed = setUp({ settings: { name: 'Ada', share: 0.5 }, joins: false });
    renamed.join();
    expect(renamed.calls).toEqual(['share 0.5', 'memory 1000000000', 'offer']);
    expect(renamed.offers).toEqual([{ ...capabilities, name: 'Ada' }]);
    expect(offers).toEqual([]);
  });

  it('takes on at once what is decided, keeps it, and says it to the room', () => {
    const { own, calls, offers, saved, events } = setUp();
    own.change({ memoryBytes: 5e8 });
    own.change({ share: 0.25 });
    expect(calls).toEqual(['memory 500000000', 'offer', 'share 0.25']);
    expect(offers.at(-1)).toEqual({ ...capabilities, memoryBytes: 5e8 });
    expect(saved.at(-1)).toMatchObject({ memoryBytes: 5e8, share: 0.25 });
    expect(events.at(-1)).toMatchObject({ type: 'settings', settings: { share: 0.25 } });
  });

  it('[PRE4] leaves its sessions before it says that it does not serve, and comes back', async () => {
    const { own, calls, offers, activity, paused } = setUp();
    own.pause();
    expect(calls).toEqual(['pause', 'memory 1000000000', 'offer']);
    expect(offers.at(-1)!.serves).toBe(false);
    expect(activity()).toEqual({ state: 'pausing', reason: 'asked' });
    paused();
    await tick();
    expect(activity()).toEqual({ state: 'paused', reason: 'asked' });
    own.resume();
    expect(activity()).toEqual({ state: 'active' });
    expect(offers.at(-1)!.serves).toBe(true);
    expect(calls).toContain('resume');
  });

  it('may go on before it has paused, and stays active then', async () => {
    const { own, activity, paused } = setUp();
    own.pause();
    own.resume();
    paused();
    await tick();
    expect(activity()).toEqual({ state: 'active' });
  });

  it('rests while its battery is low, and goes on when it is charged', () => {
    const { own, activity } = setUp();
    own.charged({ level: 0.5, charging: false });
    expect(activity()).toBeUndefined();
    own.charged({ level: 0.19, charging: false });
    expect(activity()).toEqual({ state: 'pausing', reason: 'battery' });
    own.charged({ level: 0.19, charging: true });
    expect(activity()).toEqual({ state: 'active' });
  });

  it('stays paused by wish when the battery is charged, and rests by battery when the wish is gone', () => {
    const { own, activity } = setUp();
    own.charged({ level: 0.1, charging: false });
    own.pause();
    expect(activity()).toMatchObject({ reason: 'asked' });
    own.resume();
    expect(activity()).toMatchObject({ reason: 'battery' });
    own.change({ restBelow: 0 });
    expect(activity()).toEqual({ state: 'active' });
  });

  it('joins resting where the battery is low already', () => {
    const { own, join, activity, offers } = setUp({ joins: false });
    own.charged({ level: 0.1, charging: false });
    expect(activity()).toBeUndefined();
    join();
    expect(activity()).toMatchObject({ state: 'pausing', reason: 'battery' });
    expect(offers.at(-1)!.serves).toBe(false);
  });

  it('hands over before it leaves, once', async () => {
    const { own, calls, events } = setUp();
    await Promise.all([own.leave(), own.leave()]);
    expect(calls).toEqual(['service leaves', 'mesh leaves']);
    expect(events.map(({ type }) => type)).toEqual(['leaving', 'left']);
  });

  it('says so where the engine cannot keep to a share', async () => {
    const { own, events } = setUp({ shareFails: true });
    own.change({ share: 0.5 });
    await tick();
    expect(events.at(-1)).toMatchObject({ type: 'setting-refused', problem: { code: 'ENGINE_FAILED' } });
  });
});
