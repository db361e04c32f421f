import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { settle } from '../mesh/fake-clock.ts';
import { AdaptiveWorld, graph, newFrame, weights } from './adaptive-world.ts';

const output = graph.outputs[0]!;
const box = fullBox(tensorShapes(graph).get(output)!);
/** Whole frames, in turn on each device. */
const inTurn = (devices: readonly number[]): Plan => ({
  session: asSessionId('b'.repeat(32)),
  epoch: 0,
  model: graph.name,
  segments: [
    {
      ops: [0, graph.nodes.length],
      lanes: devices.map((index) => ({
        share: 1,
        tiles: [{ peer: peerIdOf(index), outputs: [{ tensor: output, box }] }],
      })),
    },
  ],
});

describe('lanes', () => {
  it('do not wait for one that stands still: it has no more than its part of the window', async () => {
    const world = new AdaptiveWorld(2);
    const session = await world.until(
      openSession({
        node: world.requester.node,
        graph,
        weights,
        clock: world.clock,
        plan: inTurn([1, 2]),
        window: 4,
      }),
    );
    world.devices[2]!.hold();
    const lanes: number[] = [];
    const frames = Array.from({ length: 20 }, () => session.run(newFrame()));
    for (const frame of frames) void frame.then((result) => lanes.push(result.lanes[0]!));
    for (let turn = 0; turn < 40; turn++) await settle();
    expect(lanes).toEqual(new Array(18).fill(0));
    world.devices[2]!.release();
    await world.until(Promise.all(frames));
    expect(lanes.slice(18)).toEqual([1, 1]);
    await session.close();
  });
});
