import { describe, expect, it } from 'vitest';
import type { Member } from '../../../../src/mesh/mesh.ts';
import type { Presence } from '../../../../src/runtime/presence.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import type { PeerId } from '../../../../src/shared/ids.ts';
import { happeningsBetween, type RoomMoment } from '../../../../src/ui/mesh-view/happenings.ts';
import { peerIdOf } from '../../../support/memory-network.ts';

type Connected = Extract<Member, { state: 'connected' }>;
const [a, b] = [peerIdOf(1), peerIdOf(2)];
const connected = (id: PeerId, name: string, changes: Partial<Connected> = {}): Connected => ({
  state: 'connected',
  id,
  capabilities: {
    name,
    engine: 'tfjs-wasm',
    accuracy: 'f32',
    memoryBytes: 1,
    platform: 'linux',
    serves: true,
  },
  ...changes,
});
const moment = (
  members: readonly Member[],
  aside: readonly (readonly [PeerId, readonly PeerId[]])[] = [],
): RoomMoment => ({
  self: peerIdOf(0),
  members: new Map(members.map((member) => [member.id, member])),
  presences: new Map(
    aside.map(([peer, setAside]): [PeerId, Presence] => [
      peer,
      { load: 0, share: 1, framesPerSecond: 0, sent: [], work: [], setAside: [...setAside] },
    ]),
  ),
});
const told = (before: RoomMoment, after: RoomMoment): string[] =>
  happeningsBetween(before, after).map(({ kind, name }) => `${kind} ${name}`);

describe('what has happened between two moments', () => {
  const pi = connected(a, 'Pi');
  const paused = connected(a, 'Pi', { capabilities: { ...pi.capabilities, serves: false } });
  const error = new PeerceptronError('LINK_LOST', 'gone');

  it.each<[string, RoomMoment, RoomMoment, string[]]>([
    ['nothing', moment([pi]), moment([pi]), []],
    ['somebody came', moment([]), moment([pi]), ['joined Pi']],
    ['somebody left, by its last name', moment([pi]), moment([]), ['left Pi']],
    ['it is out of reach', moment([pi]), moment([{ state: 'failed', id: a, error }]), ['lost Device 000000']],
    [
      'its connection broke',
      moment([pi]),
      moment([connected(a, 'Pi', { reconnecting: true })]),
      ['interrupted Pi'],
    ],
    ['it is back', moment([connected(a, 'Pi', { reconnecting: true })]), moment([pi]), ['restored Pi']],
    ['it pauses', moment([pi]), moment([paused]), ['paused Pi']],
    ['it goes on', moment([paused]), moment([pi]), ['resumed Pi']],
    ['a new name is no news', moment([pi]), moment([connected(a, 'Ada')]), []],
    ['it is set aside', moment([pi], [[b, []]]), moment([pi], [[b, [a]]]), ['set-aside Pi']],
    ['it is planned with again', moment([pi], [[b, [a]]]), moment([pi], [[b, []]]), ['readmitted Pi']],
    ['whoever set it aside is gone', moment([pi], [[b, [a]]]), moment([pi]), []],
  ])('%s', (_, before, after, expected) => {
    expect(told(before, after)).toEqual(expected);
  });
});
