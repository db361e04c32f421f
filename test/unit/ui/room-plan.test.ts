import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Member } from '../../../src/mesh/mesh.ts';
import type { ChosenPlan } from '../../../src/runtime/planned-session.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { asPeerId, shortId, type PeerId } from '../../../src/shared/ids.ts';
import { digitSamples } from '../../../src/ui/digit-samples.ts';
import { deviceName } from '../../../src/ui/device-name.ts';
import { roomPlan } from '../../../src/ui/room-plan.ts';
import { madeUpChoice, world } from '../../support/planned.ts';

const id = (digit: string): PeerId => asPeerId(digit.repeat(32));
const connected = (digit: string, name: string): [PeerId, Member] => [
  id(digit),
  {
    state: 'connected',
    id: id(digit),
    capabilities: {
      name,
      engine: 'tfjs-wasm',
      accuracy: 'f32',
      memoryBytes: 1e9,
      platform: 'linux',
      serves: true,
    },
  },
];
const failed: Member = { state: 'failed', id: id('d'), error: new PeerceptronError('LINK_NO_ROUTE', 'none') };
const room = {
  self: id('e'),
  members: new Map([connected('a', 'Pi'), connected('b', 'Pi'), connected('c', 'Laptop'), [id('d'), failed]]),
};

describe('names of devices', () => {
  it('are those that they have, with a part of the id where two share one', () => {
    expect(deviceName(id('c'), room)).toBe('Laptop');
    expect(deviceName(id('a'), room)).toBe(`Pi ${shortId(id('a'))}`);
    expect(deviceName(id('d'), room)).toBe(`Device ${shortId(id('d'))}`);
    expect(deviceName(id('e'), room)).toBe('this device');
  });
});

describe('a plan in words', () => {
  const choice = madeUpChoice({ gain: 1.5 });
  const chosen: ChosenPlan = { choice, world, reason: 'start' };
  const names = new Map(world.devices.map((device) => [device.id, device.name]));

  it('has the devices that compute, what was expected, and who is left out', () => {
    const left = world.devices.at(-1)!;
    const withLeft = {
      ...chosen,
      choice: madeUpChoice({
        leftOut: [{ peer: left.id, reason: 'slows-down', explanation: 'it would be slower' }],
      }),
    };
    const plan = roomPlan({ plan: choice.plan, window: 3 }, { chosen: withLeft }, new Map(), {
      self: id('e'),
      members: new Map(),
    });
    const peers = new Set(
      choice.plan.segments.flatMap(({ lanes }) =>
        lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)),
      ),
    );
    expect(plan.devices).toEqual([...peers].map((peer) => names.get(peer)));
    expect(plan).toMatchObject({
      offeredCount: world.devices.length,
      window: 3,
      expected: {
        latencyMs: choice.prediction.latencyMs,
        framesPerSecond: choice.prediction.framesPerSecond,
      },
    });
    expect(plan.leftOut.at(-1)).toEqual({ name: left.name, why: 'it would be slower.' });
    expect(roomPlan({ plan: choice.plan, window: 3 }, { chosen }, new Map(), room).expected?.gain).toBe(1.5);
  });

  it('names those that could not be asked, with the code', () => {
    const silent = new Map([[id('c'), new PeerceptronError('LINK_TIMEOUT', 'no answer')]]);
    const { leftOut } = roomPlan({ plan: choice.plan, window: 1 }, { chosen }, silent, room);
    expect(leftOut.slice(-2)).toEqual([
      { name: 'Laptop', why: 'A device did not answer in time. (LINK_TIMEOUT)' },
      { name: `Device ${shortId(id('d'))}`, why: 'No way through the network to a device. (LINK_NO_ROUTE)' },
    ]);
  });

  it('knows the room of the latest choice, also where that one was not worth a switch', () => {
    const [first, second, ...others] = world.devices;
    const fewer = { ...chosen, world: { ...world, devices: [first!, second!] } };
    expect(roomPlan({ plan: choice.plan, window: 1 }, { chosen: fewer }, new Map(), room)).toMatchObject({
      offeredCount: 2,
    });
    const better = {
      ...chosen,
      choice: madeUpChoice({ leftOut: [], prediction: { ...choice.prediction, latencyMs: 95 } }),
    };
    const plan = roomPlan({ plan: choice.plan, window: 1 }, { chosen: fewer, latest: better }, new Map(), {
      ...room,
      members: new Map(),
    });
    expect(plan.offeredCount).toBe(4);
    expect(plan.expected?.latencyMs).toBe(choice.prediction.latencyMs);
    expect(plan.leftOut).toEqual(
      others.map(({ name }) => ({
        name,
        why: 'a plan with it is not better by enough to change over.',
      })),
    );
  });

  it('promises nothing for a plan that nobody chose', () => {
    const plan = roomPlan({ plan: choice.plan, window: 1 }, {}, new Map(), room);
    expect(plan.expected).toBeUndefined();
    expect(plan.offeredCount).toBe(plan.devices.length);
  });
});

describe('the pictures of digits', () => {
  it('are all that come with the model', async () => {
    const folder = new URL('../../../public/models/digits/samples/', import.meta.url);
    expect(digitSamples).toEqual((await readdir(folder)).sort());
  });
});
