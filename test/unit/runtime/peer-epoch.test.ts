import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/graph/graph.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import type { PieceMeta } from '../../../src/protocol/messages.ts';
import { PeerEpoch, type PendingTile } from '../../../src/runtime/peer-epoch.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { settle } from '../mesh/fake-clock.ts';

const session = asSessionId('5'.repeat(32));
const relu = { kind: 'activation', function: 'relu' } as const;
const graph: Graph = {
  name: 'two steps',
  inputs: [{ id: 'in', shape: [4] }],
  nodes: [
    { id: 'a', op: relu, inputs: ['in'], weights: {} },
    { id: 'b', op: relu, inputs: ['a'], weights: {} },
  ],
  outputs: ['b'],
};
/** Peers 1 and 2 make halves of `a`; peer 3 waits for both and makes `b`. */
const plan: Plan = {
  session,
  epoch: 0,
  model: graph.name,
  segments: [
    {
      ops: [0, 1],
      lanes: [
        {
          share: 1,
          tiles: [
            { peer: peerIdOf(1), outputs: [{ tensor: 'a', box: [[0, 2]] }] },
            { peer: peerIdOf(2), outputs: [{ tensor: 'a', box: [[2, 4]] }] },
          ],
        },
      ],
    },
    {
      ops: [1, 2],
      lanes: [{ share: 1, tiles: [{ peer: peerIdOf(3), outputs: [{ tensor: 'b', box: [[0, 4]] }] }] }],
    },
  ],
};

const newEpoch = (window = 4): PeerEpoch =>
  new PeerEpoch(compilePlan(graph, plan), peerIdOf(3), peerIdOf(0), window);
const at = (frame: number, lanes: readonly number[] = [0, 0]) => ({ frame, lanes: [...lanes], segment: 1 });
const piece = (frame: number, index: number): PieceMeta => ({
  kind: 'piece',
  session,
  epoch: 0,
  frame,
  lanes: [0, 0],
  segment: 1,
  tile: 0,
  input: 0,
  piece: index,
  codec: 'f32',
});

/** Half `index` of a frame arrives, filled with `value`. */
function arrive(epoch: PeerEpoch, frame: number, index: number, value: number): PendingTile | undefined {
  const { place, arrived } = epoch.announce(piece(frame, index), peerIdOf(index + 1), 8, 0);
  if (!('buffer' in place)) throw new Error('a half is one run of memory');
  place.buffer.set(new Uint8Array(new Float32Array(2).fill(value).buffer));
  return arrived();
}

describe('PeerEpoch', () => {
  it('[SES4] keeps the pieces of frames apart, in whatever order they come', () => {
    const epoch = newEpoch();
    expect(arrive(epoch, 7, 0, 1)).toBeUndefined();
    expect(arrive(epoch, 8, 1, 20)).toBeUndefined();
    const later = arrive(epoch, 8, 0, 2);
    expect(later?.frame).toBe(8);
    expect([...later!.inputs[0]!.buffer]).toEqual([2, 2, 20, 20]);
    const earlier = arrive(epoch, 7, 1, 10);
    expect(earlier?.frame).toBe(7);
    expect([...earlier!.inputs[0]!.buffer]).toEqual([1, 1, 10, 10]);
  });

  it('[SES6] forgets a dropped frame, and no other', () => {
    const epoch = newEpoch();
    arrive(epoch, 1, 0, 1);
    arrive(epoch, 2, 0, 2);
    epoch.drop(1);
    expect(() => arrive(epoch, 1, 1, 1)).toThrowError(
      expect.objectContaining({ code: 'STREAM_CANCELLED' }) as Error,
    );
    expect([...arrive(epoch, 2, 1, 20)!.inputs[0]!.buffer]).toEqual([2, 2, 20, 20]);
  });

  it('[SES5] has room for the frames of the window, until their tiles are computed', async () => {
    const epoch = newEpoch(2);
    arrive(epoch, 1, 0, 1);
    const complete = arrive(epoch, 1, 1, 1)!;
    arrive(epoch, 2, 0, 2);
    expect(epoch.room(at(1))).toBeUndefined();
    expect(epoch.room(at(2))).toBeUndefined();
    let woken = false;
    const room = epoch.room(at(3))!.then(() => (woken = true));
    expect(epoch.begin(complete)).toBe(true);
    await settle();
    expect(woken).toBe(false);
    epoch.ended(complete);
    await room;
    expect(epoch.room(at(3))).toBeUndefined();
  });

  it('[SES5] has room for a part of the window on a lane, and for one choice of lanes', async () => {
    const [makers, last] = plan.segments;
    const lane = {
      share: 1,
      tiles: [{ peer: peerIdOf(4), outputs: [{ tensor: 'b', box: [[0, 4]] as const }] }],
    };
    const dealt: Plan = { ...plan, segments: [makers!, { ...last!, lanes: [...last!.lanes, lane] }] };
    const epoch = new PeerEpoch(compilePlan(graph, dealt), peerIdOf(3), peerIdOf(0), 4);
    // Half of the three others, and one more: two.
    for (const frame of [1, 2]) {
      expect(epoch.room(at(frame))).toBeUndefined();
      arrive(epoch, frame, 0, frame);
    }
    const room = epoch.room(at(4));
    expect(room).toBeDefined();
    expect(epoch.room(at(4, [0, 1]))).toBeUndefined();
    expect(() => epoch.room(at(2, [0, 1]))).toThrowError(
      expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error,
    );
    // One that has passed makes room, however long the frame stays.
    const complete = arrive(epoch, 1, 1, 1)!;
    epoch.begin(complete);
    epoch.ended(complete);
    await room;
    expect(epoch.room(at(4))).toBeUndefined();
    arrive(epoch, 4, 0, 4);
    expect(epoch.room(at(5))).toBeDefined();
    epoch.drop(2);
    expect(epoch.room(at(5))).toBeUndefined();
  });

  it('[SES6] keeps the place of a dropped frame while it is computed, and no longer', () => {
    const epoch = newEpoch(1);
    arrive(epoch, 1, 0, 1);
    const computing = arrive(epoch, 1, 1, 1)!;
    epoch.begin(computing);
    epoch.drop(1);
    expect(epoch.room(at(2))).toBeDefined();
    epoch.ended(computing);
    expect(epoch.room(at(2))).toBeUndefined();
    arrive(epoch, 2, 0, 1);
    const waiting = arrive(epoch, 2, 1, 1)!;
    epoch.drop(2);
    expect(epoch.begin(waiting)).toBe(false);
    expect(epoch.room(at(3))).toBeUndefined();
  });

  it('[SES4] takes no room for a piece that is refused', () => {
    const epoch = newEpoch(1);
    expect(() => epoch.announce(piece(1, 0), peerIdOf(9), 8, 0)).toThrowError(
      expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error,
    );
    expect(epoch.room(at(2))).toBeUndefined();
  });
});
