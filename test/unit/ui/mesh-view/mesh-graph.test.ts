import { describe, expect, it } from 'vitest';
import type { Member } from '../../../../src/mesh/mesh.ts';
import type { Presence } from '../../../../src/runtime/presence.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import type { PeerId } from '../../../../src/shared/ids.ts';
import { meshGraph } from '../../../../src/ui/mesh-view/mesh-graph.ts';
import { peerIdOf } from '../../../support/memory-network.ts';

const [self, a, b, c] = [0, 1, 2, 3].map(peerIdOf) as [PeerId, PeerId, PeerId, PeerId];
const member = (id: PeerId, name: string, serves = true): [PeerId, Member] => [
  id,
  {
    state: 'connected',
    id,
    capabilities: {
      name,
      engine: serves ? 'tfjs-wasm' : 'none',
      accuracy: 'f32',
      memoryBytes: 5e8,
      platform: 'linux',
      serves,
    },
  },
];
const presence = (changes: Partial<Presence>): Presence => ({
  load: 0,
  share: 1,
  framesPerSecond: 0,
  sent: [],
  work: [],
  ...changes,
});
type Room = Parameters<typeof meshGraph>[0];
const room: Room = {
  self,
  members: new Map([member(a, 'Pi'), member(b, 'Laptop', false)]),
  names: new Map(),
  presences: new Map(),
  departed: new Map(),
  settings: { name: 'Phone', share: 1, memoryBytes: 1e9, restBelow: 0.2 },
  activity: { state: 'active' },
  engine: { state: 'ready', name: 'tfjs-webgl', accuracy: 'f32', refused: [] },
};

describe('the picture of a mesh', () => {
  it('has this device first, the others in the order of arrival, and those that just left', () => {
    const { nodes } = meshGraph({ ...room, departed: new Map([[c, 'Tablet']]) });
    expect(nodes.map(({ number, name, state }) => [number, name, state])).toEqual([
      [1, 'Phone', 'self'],
      [2, 'Pi', 'connected'],
      [3, 'Laptop', 'connected'],
      [4, 'Tablet', 'departed'],
    ]);
    expect(nodes[2]).not.toHaveProperty('engine');
    expect(nodes[2]!.serves).toBe(false);
  });

  it('has the bytes of whoever sends, between any two, and bare lines for idle connections', () => {
    const { edges } = meshGraph({
      ...room,
      presences: new Map([
        [a, presence({ sent: [[b, 900]] })],
        [self, presence({ sent: [[a, 400]] })],
      ]),
    });
    expect(edges).toEqual([
      { from: a, to: b, bytesPerSecond: 900 },
      { from: self, to: a, bytesPerSecond: 400 },
      { from: self, to: b, bytesPerSecond: 0 },
    ]);
  });

  it('leaves out what is said of devices that nobody knows', () => {
    const { edges } = meshGraph({
      ...room,
      presences: new Map([
        [
          a,
          presence({
            sent: [
              [c, 9],
              [a, 9],
            ],
          }),
        ],
      ]),
    });
    expect(edges.every(({ bytesPerSecond }) => bytesPerSecond === 0)).toBe(true);
  });

  it('marks those that a requester does without', () => {
    const { nodes } = meshGraph({ ...room, presences: new Map([[b, presence({ setAside: [a] })]]) });
    expect(nodes.map(({ isSetAside }) => isSetAside)).toEqual([false, true, false]);
  });

  it('shows a connection that breaks, and one that cannot be made', () => {
    const error = new PeerceptronError('LINK_NO_ROUTE', 'none');
    const [, broken] = member(a, 'Pi');
    const members = new Map<PeerId, Member>([
      [a, { ...(broken as Extract<Member, { state: 'connected' }>), reconnecting: true }],
      [c, { state: 'failed', id: c, error }],
    ]);
    const { nodes } = meshGraph({ ...room, members });
    expect(nodes.map(({ state }) => state)).toEqual(['self', 'reconnecting', 'failed']);
    expect(nodes[2]!.problem).toEqual({ code: 'LINK_NO_ROUTE', message: 'none' });
  });
});
