import { describe, expect, it } from 'vitest';
import type { Member } from '../../../../src/mesh/mesh.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { asPeerId, type PeerId } from '../../../../src/shared/ids.ts';
import { defaultSettings } from '../../../../src/ui/join/device-settings.ts';
import { preflight, type Check } from '../../../../src/ui/join/preflight.ts';
import type { Device } from '../../../../src/ui/peer-state.ts';

const device: Device = { name: 'Chrome on Linux', platform: 'Linux', memoryBytes: 1e9, missing: [] };
const id = (digit: string): PeerId => asPeerId(digit.repeat(32));
const member = (digit: string, route?: 'direct' | 'relayed'): Member => ({
  state: 'connected',
  id: id(digit),
  capabilities: {
    name: digit,
    engine: 'tfjs-wasm',
    accuracy: 'f32',
    memoryBytes: 1,
    platform: 'linux',
    serves: true,
  },
  ...(route ? { route } : {}),
});
type Room = Parameters<typeof preflight>[0];
const room: Room = {
  engine: { state: 'ready', name: 'tfjs-wasm', accuracy: 'f32', refused: [] },
  measuring: false,
  macsPerSecond: 2.14e9,
  settings: defaultSettings(device),
  members: new Map(),
  device,
  wakeLock: 'held',
};
const check = (name: Check['id'], changes: Partial<Room> = {}): Check | undefined =>
  preflight({ ...room, ...changes }).find((entry) => entry.id === name);

describe('what a device needs to take part, in words', () => {
  it('is all fine on a good day', () => {
    expect(preflight(room).map((entry) => [entry.id, entry.state])).toEqual([
      ['engine', 'done'],
      ['speed', 'done'],
      ['memory', 'done'],
      ['links', 'waiting'],
      ['page', 'done'],
      ['screen', 'done'],
    ]);
    expect(check('speed')!.text).toBe('2.1 billion multiply-accumulates per second, measured');
  });

  it('follows an engine from test to failure', () => {
    const { macsPerSecond: _, ...unmeasured } = room;
    const starting = preflight({ ...unmeasured, engine: { state: 'choosing' } });
    expect(starting.slice(0, 2).map(({ state }) => state)).toEqual(['doing', 'waiting']);
    expect(preflight({ ...unmeasured, measuring: true })[1]!.state).toBe('doing');
    const problem = { code: 'ENGINE_UNAVAILABLE' as const, message: 'none' };
    const failed = preflight({ ...unmeasured, engine: { state: 'failed', problem, refused: [] } });
    expect(failed.slice(0, 2).map(({ state }) => state)).toEqual(['failed', 'failed']);
  });

  it('tells direct links from those by way of a relay, and from none', () => {
    const links = (...members: Member[]) =>
      check('links', { members: new Map(members.map((entry) => [entry.id, entry])) })!;
    expect(links(member('a', 'direct'), member('b', 'direct'))).toMatchObject({
      state: 'done',
      text: 'direct to 2 devices',
    });
    expect(links(member('a', 'relayed'), member('b'))).toMatchObject({
      state: 'warning',
      text: 'by way of a relay to 1 device, which is slower; connected to 1 device',
    });
    const error = new PeerceptronError('LINK_NO_ROUTE', 'none');
    expect(links({ state: 'failed', id: id('c'), error })).toMatchObject({
      state: 'warning',
      text: '1 device out of reach',
    });
    expect(links({ state: 'announced', id: id('c') }).state).toBe('waiting');
  });

  it('says what an insecure page lacks', () => {
    const insecure = { ...device, missing: ['secure-context', 'threads'] as const };
    expect(check('page', { device: insecure })).toMatchObject({ state: 'warning' });
    expect(check('page', { device: insecure })!.text).toContain('plain http');
    expect(check('page', { device: { ...device, missing: ['threads'] } })!.text).not.toContain('http');
  });

  it('warns of a low battery, and knows none where the browser tells none', () => {
    expect(check('battery')).toBeUndefined();
    expect(check('battery', { battery: { level: 0.15, charging: false } })!.state).toBe('warning');
    expect(check('battery', { battery: { level: 0.15, charging: true } })!.state).toBe('done');
  });
});
