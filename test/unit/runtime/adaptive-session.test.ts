import { describe, expect, it } from 'vitest';
import { settle } from '../mesh/fake-clock.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { AdaptiveWorld, newFrame } from './adaptive-world.ts';
import type { AdaptiveSession } from '../../../src/runtime/adaptive-session.ts';

/** Starts so many frames at once; resolves to their numbers in the order of their results, all of them right. */
async function stream(world: AdaptiveWorld, session: AdaptiveSession, count: number): Promise<number[]> {
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: count }, async () => {
      const inputs = newFrame();
      const { outputs, frame } = await session.run(inputs);
      expect(await world.expectRight(inputs, outputs)).toBe(true);
      order.push(frame);
    }),
  );
  return order;
}

const inOrder = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a session that follows its room', () => {
  it('plans with who is there, and computes what the unsplit model computes', async () => {
    const world = new AdaptiveWorld(3);
    const session = await world.open();
    expect(session.plan.segments).toHaveLength(3);
    expect(await stream(world, session, 8)).toEqual(inOrder(8));
    expect(world.kinds()).toEqual(['switching', 'switched']);
    await session.close();
  });

  it('[EP1] uses a device that joins, without losing a frame or their order', async () => {
    const world = new AdaptiveWorld(2, 1);
    const session = await world.open();
    const running = stream(world, session, 40);
    await settle();
    world.roster.set([1, 2]);
    await world.clock.advance(1000);
    const late = stream(world, session, 4);
    const numbers = [...(await world.until(running)), ...(await world.until(late))];
    expect(numbers).toEqual(inOrder(44));
    expect(session.plan.segments).toHaveLength(2);
    expect(world.devices[2]!.runs).toBeGreaterThan(0);
    expect(world.situations.map(({ reason }) => reason)).toEqual(['start', 'peer-joined']);
  });

  it('[EP4] replays what is in flight when a device dies, and the callers notice nothing but latency', async () => {
    const world = new AdaptiveWorld(4);
    const session = await world.open();
    world.devices[3]!.hold();
    const running = stream(world, session, 12);
    await settle();
    world.room.kill(peerIdOf(3));
    expect(await world.until(running)).toEqual(inOrder(12));
    expect(world.kinds()).toEqual(['switching', 'switched', 'peer-lost', 'switching', 'switched']);
    expect(session.plan.segments).toHaveLength(3);
  });

  it('[EP5] notices a device that stands still behind a healthy link, and blames no other', async () => {
    const world = new AdaptiveWorld(4);
    const session = await world.open();
    world.devices[2]!.freeze();
    const running = stream(world, session, 12);
    expect(await world.until(running)).toEqual(inOrder(12));
    const lost = world.events.flatMap((event) => (event.type === 'peer-lost' ? [event.peer] : []));
    expect(lost).toEqual([peerIdOf(2)]);
    expect(world.clock.now()).toBeLessThan(4000);
  });

  it('[EP5] gives time to one that is slow and honest', async () => {
    const world = new AdaptiveWorld(3);
    const session = await world.open();
    world.devices[2]!.hold();
    const running = stream(world, session, 3);
    await world.clock.advance(9_000);
    world.devices[2]!.release();
    expect(await world.until(running)).toEqual(inOrder(3));
    expect(world.kinds()).not.toContain('peer-lost');
  });

  it('[EP5] gives up an engine that never gets on, though its device answers', async () => {
    const world = new AdaptiveWorld(3);
    const session = await world.open();
    world.devices[2]!.hold();
    const running = stream(world, session, 3);
    expect(await world.until(running)).toEqual(inOrder(3));
    const lost = world.events.flatMap((event) => (event.type === 'peer-lost' ? [event.peer] : []));
    expect(lost).toEqual([peerIdOf(2)]);
  });

  it('computes alone when nobody is left', async () => {
    const world = new AdaptiveWorld(2);
    const session = await world.open();
    for (const index of [1, 2]) world.devices[index]!.hold();
    const running = stream(world, session, 6);
    await settle();
    world.roster.list = [];
    for (const index of [1, 2]) world.room.kill(peerIdOf(index));
    expect(await world.until(running)).toEqual(inOrder(6));
    expect(world.requester.runs).toBeGreaterThanOrEqual(6);
    expect(session.plan.segments[0]!.lanes[0]!.tiles[0]!.peer).toBe(peerIdOf(0));
  });

  it('[EP6] hands over from a device that leaves, which has nothing left then', async () => {
    const world = new AdaptiveWorld(3);
    const session = await world.open();
    const running = stream(world, session, 20);
    await settle();
    const left = world.devices[2]!.service!.leave();
    expect(await world.until(running)).toEqual(inOrder(20));
    await world.until(left, 1000);
    await settle();
    expect((await world.devices[2]!.engine.memory()).tensors).toBe(0);
    expect(session.plan.segments).toHaveLength(2);
    expect(world.kinds()).not.toContain('peer-lost');
  });
});
