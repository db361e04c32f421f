import { describe, expect, it } from 'vitest';
import { DevicePresence, opRuns } from '../../../src/mesh/device-presence.ts';
import type { Mesh, Traffic } from '../../../src/mesh/mesh.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import type { ServedTile } from '../../../src/runtime/serve-events.ts';
import { asSessionId, type PeerId } from '../../../src/shared/ids.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { FakeClock } from './fake-clock.ts';

const session = asSessionId('1'.repeat(32));
const tile = (start: number, end: number): ServedTile => ({
  segment: 0,
  lane: 0,
  tile: 0,
  ops: [start, end],
  firstOp: 'a',
  lastOp: 'b',
  outputs: [],
  weightBytes: 0,
});

function setUp() {
  const clock = new FakeClock();
  const traffic = new Map<PeerId, Traffic>();
  const members = new Map([1, 2].map((index) => [peerIdOf(index), {} as never]));
  const mesh = { members, traffic: (peer: PeerId) => traffic.get(peer) } as unknown as Mesh;
  const node = new RuntimeNode(new MemoryRoom().join(peerIdOf(0)));
  const presence = new DevicePresence({
    mesh,
    node,
    clock,
    facts: () => ({ share: 0.5, macsPerSecond: undefined, setAside: [] }),
  });
  return { clock, presence, traffic };
}

describe('how a device is', () => {
  it('has what it sends per second, to those that get anything', () => {
    const { clock, presence, traffic } = setUp();
    traffic.set(peerIdOf(1), { sentBytes: 10_000, receivedBytes: 0 });
    // As much as the reports themselves.
    traffic.set(peerIdOf(2), { sentBytes: 800, receivedBytes: 5 });
    clock.jump(2000);
    expect(presence.report().sent).toEqual([[peerIdOf(1), 5000]]);
    traffic.set(peerIdOf(1), { sentBytes: 13_000, receivedBytes: 0 });
    clock.jump(1000);
    expect(presence.report().sent).toEqual([[peerIdOf(1), 3000]]);
    // Asked twice within a moment it says the same.
    clock.jump(10);
    expect(presence.report().sent).toEqual([[peerIdOf(1), 3000]]);
  });

  it('counts a channel that was made anew from its start', () => {
    const { clock, presence, traffic } = setUp();
    traffic.set(peerIdOf(1), { sentBytes: 9000, receivedBytes: 0 });
    clock.jump(1000);
    presence.report();
    traffic.set(peerIdOf(1), { sentBytes: 7000, receivedBytes: 0 });
    clock.jump(1000);
    expect(presence.report().sent).toEqual([[peerIdOf(1), 7000]]);
  });

  it('has its part of every session, until that ends', () => {
    const { presence } = setUp();
    presence.onServe({
      type: 'session-ready',
      session,
      epoch: 0,
      model: 'vgg16',
      opCount: 38,
      tiles: [tile(20, 24), tile(0, 4), tile(3, 7)],
      part: 0.31,
    });
    const { work, share } = presence.report();
    expect(share).toBe(0.5);
    expect(work).toEqual([
      {
        model: 'vgg16',
        opCount: 38,
        ops: [
          [0, 7],
          [20, 24],
        ],
        part: 0.31,
      },
    ]);
    presence.onServe({ type: 'session-ended', session });
    expect(presence.report().work).toEqual([]);
  });

  it('says nothing of what it does not know', () => {
    const { presence } = setUp();
    expect(Object.keys(presence.report()).sort()).toEqual([
      'framesPerSecond',
      'load',
      'sent',
      'share',
      'work',
    ]);
  });

  it('joins runs of ops that touch', () => {
    expect(opRuns([tile(4, 6), tile(0, 4), tile(8, 9)])).toEqual([
      [0, 6],
      [8, 9],
    ]);
    expect(opRuns([])).toEqual([]);
  });
});
