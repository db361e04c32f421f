import { describe, expect, it } from 'vitest';
import { settle } from '../mesh/fake-clock.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { AdaptiveWorld, newFrame } from './adaptive-world.ts';
import type { AdaptiveSession } from '../../../src/runtime/adaptive-session.ts';
import { runInOrder } from '../../../src/runtime/frame-stream.ts';
import type { Replan } from '../../../src/runtime/replan.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { graph } from './adaptive-world.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { weights } from './adaptive-world.ts';

/** Frames in order through the session; resolves to their places in the source in the order of their results, all of them right. */
async function stream(world: AdaptiveWorld, session: AdaptiveSession, count: number): Promise<number[]> {
  const order: number[] = [];
  const source = Array.from({ length: count }, (_, index) => ({ index, inputs: newFrame() }));
  for await (const { frame, result } of runInOrder(session, source, ({ inputs }) => inputs)) {
    expect(await world.expectRight(frame.inputs, result.outputs)).toBe(true);
    order.push(frame.index);
  }
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
    world.devices[1]!.hold();
    const running = stream(world, session, 40);
    await settle();
    world.roster.set([1, 2]);
    await world.clock.advance(1000);
    // Loaded and in use, while the frames of the old plan are still in flight.
    expect(world.kinds()).toEqual(['switching', 'switched', 'switching', 'switched']);
    world.devices[1]!.release();
    expect(await world.until(running)).toEqual(inOrder(40));
    // Frames of the old plan ended there: nothing was computed twice.
    expect(world.devices[1]!.runs).toBe(40);
    expect(await world.until(stream(world, session, 4))).toEqual(inOrder(4));
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

  it('[PRE4] takes a device back that pauses and goes on, in whichever order it hears of it', async () => {
    for (const order of ['session first', 'room first'] as const) {
      const world = new AdaptiveWorld(2);
      const session = await world.open({ switchPauseMs: 0 });
      const service = world.devices[2]!.service!;
      if (order === 'room first') world.roster.set([1]);
      const paused = service.pause();
      if (order === 'session first') world.roster.set([1]);
      await world.until(paused);
      expect(session.plan.segments).toHaveLength(1);
      expect(session.setAside).toEqual([peerIdOf(2)]);
      expect(await world.until(stream(world, session, 4))).toEqual(inOrder(4));
      service.resume();
      world.roster.set([1, 2]);
      expect(session.setAside).toEqual([]);
      await world.clock.advance(20_000);
      expect(session.plan.segments).toHaveLength(2);
      expect(await world.until(stream(world, session, 4))).toEqual(inOrder(4));
      await session.close();
    }
  });

  it('ends what is still here when a device that pauses has waited long enough, and takes on nothing meanwhile', async () => {
    const world = new AdaptiveWorld(1);
    const session = await world.open({ computeHere: undefined as never });
    const { service } = world.devices[1]!;
    world.replan = async () => undefined;
    let isPaused = false;
    void service!.pause(5000).then(() => (isPaused = true));
    await world.clock.advance(4900);
    expect(isPaused).toBe(false);
    await world.clock.advance(200);
    expect(isPaused).toBe(true);
    expect(service!.plan(asSessionId('a'.repeat(32)))).toBeUndefined();
    await session.close();
  });

  it('takes the plan that is asked for, better or not, and without waiting for its turn', async () => {
    const world = new AdaptiveWorld(2);
    const session = await world.open();
    expect(session.plan.segments).toHaveLength(2);
    world.replan = async ({ peers, session: id, epoch }) => {
      const plan = pipelinePlan({ graph, session: id, epoch, peers: [{ id: peers[0]!, speed: 1 }] });
      return { plan, window: 1, gain: -0.5 };
    };
    session.reconsider();
    await settle();
    await world.clock.advance(0);
    expect(world.situations.at(-1)!.reason).toBe('asked');
    expect(session.plan.segments).toHaveLength(1);
    expect(await world.until(stream(world, session, 3))).toEqual(inOrder(3));
    await session.close();
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

describe('going from plan to plan', () => {
  /** Whoever is usable, in the given order and number, as the room changes: deterministic in `random`. */
  const anyPlan =
    (random: ReturnType<typeof seededRandom>): Replan =>
    async ({ peers, session, epoch }) => {
      const used = peers.filter(() => random.next() < 0.7);
      const list = used.length > 0 ? used : peers.slice(0, 1);
      const plan = pipelinePlan({
        graph,
        session,
        epoch,
        peers: list.map((id) => ({ id, speed: 1 + random.integer(3) })),
      });
      return { plan, window: 1 + random.integer(6), gain: 1 };
    };

  it('[EP1] [EP4] loses nothing and keeps the order, whatever the room does, at whatever time', async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const random = seededRandom(seed);
      const world = new AdaptiveWorld(6, 3);
      world.replan = anyPlan(random);
      const session = await world.open({ switchPauseMs: 100, joinDelayMs: 20 });
      const running = stream(world, session, 40);
      let isOver = false;
      running.then(
        () => (isOver = true),
        () => (isOver = true),
      );
      const present = new Set([1, 2, 3]);
      const waiting = [4, 5, 6];
      for (let step = 0; !isOver; step += 1) {
        if (step > 3000) throw new Error(`seed ${seed} comes to no end: ${world.kinds().join(' ')}`);
        const draw = random.integer(12);
        const someone = [...present][random.integer(present.size)];
        if (draw === 0 && waiting.length > 0) present.add(waiting.shift()!);
        else if (draw === 1 && someone !== undefined) {
          present.delete(someone);
          world.room.kill(peerIdOf(someone));
        } else if (draw === 2 && someone !== undefined) {
          present.delete(someone);
          world.devices[someone]!.freeze();
        } else if (draw === 3 && someone !== undefined) {
          present.delete(someone);
          void world.devices[someone]!.service!.leave();
        } else if (draw === 4 && someone !== undefined) world.devices[someone]!.hold();
        else if (draw === 5) for (const device of world.devices) device.release();
        world.roster.set([...present]);
        for (let turn = random.integer(40); turn > 0; turn -= 1) await Promise.resolve();
        await world.clock.advance(random.integer(400));
        if (draw > 6) for (const index of present) world.devices[index]!.release();
      }
      expect(await running, `seed ${seed}: ${world.kinds().join(' ')}`).toEqual(inOrder(40));
      await session.close();
    }
  });

  it('[EP2] keeps the plan that runs when a peer refuses the next one, and tries again later and later', async () => {
    const world = new AdaptiveWorld(2, 1);
    await world.devices[2]!.service!.close();
    const session = await world.open();
    const plan = session.plan;
    world.roster.set([1, 2]);
    const running = stream(world, session, 30);
    expect(await world.until(running)).toEqual(inOrder(30));
    await world.clock.advance(2000);
    expect(session.plan).toBe(plan);
    expect(world.events.at(-1)).toMatchObject({ type: 'kept', error: { code: 'SESSION_REFUSED' } });
    await world.clock.advance(60_000);
    const tries = world.kinds().filter((kind) => kind === 'switching').length;
    await world.clock.advance(60_000);
    const more = world.kinds().filter((kind) => kind === 'switching').length;
    // One at the start; then after 10, 30, 70 … seconds.
    expect([tries, more]).toEqual([4, 5]);
    expect((await world.devices[1]!.engine.memory()).tensors).toBeGreaterThan(0);
  });

  it('pauses, and says so, where the memory of both plans does not fit', async () => {
    const world = new AdaptiveWorld(2, 1);
    await world.devices[1]!.service!.close();
    // One plan of all ops needs some 20 kB, half of it for activations.
    world.devices[1]!.serve(world, 25_000);
    const session = await world.open();
    world.roster.set([1, 2]);
    const running = stream(world, session, 30);
    expect(await world.until(running)).toEqual(inOrder(30));
    await world.clock.advance(2000);
    await settle();
    expect(await world.until(stream(world, session, 3))).toEqual(inOrder(3));
    expect(world.kinds()).toEqual(['switching', 'switched', 'switching', 'pausing', 'switched']);
    expect(session.plan.segments).toHaveLength(2);
  });

  it('does not go back and forth: voluntary switches get rarer while the wish comes back', async () => {
    const world = new AdaptiveWorld(3);
    let flip = 0;
    // Whatever runs, the other order seems better.
    world.replan = async ({ peers, session, epoch }) => {
      flip += 1;
      const used = peers.filter((peer) => peer !== peerIdOf(0));
      const list = flip % 2 ? used : used.toReversed();
      const plan = pipelinePlan({ graph, session, epoch, peers: list.map((id) => ({ id, speed: 1 })) });
      return { plan, window: 2, gain: 0.3 };
    };
    const session = await world.open();
    const switches: number[] = [];
    for (let second = 0; second < 200; second += 1) {
      // Devices that are now fast, now slow.
      for (const device of world.devices) device.computeMs = second % 2 ? 5 : 50;
      await world.until(stream(world, session, 8));
      await world.clock.advance(1000);
      switches.push(world.kinds().filter((kind) => kind === 'switched').length - 1);
    }
    // 5, 10, 20, 40, 80 seconds.
    expect(switches.at(-1)).toBeLessThanOrEqual(6);
    expect(switches.at(-1)).toBeGreaterThanOrEqual(3);
    expect(new Set(world.situations.map(({ reason }) => reason))).toEqual(
      new Set(['start', 'slow', 'better']),
    );
  });

  it('stays where the gain is less than the hysteresis', async () => {
    const world = new AdaptiveWorld(2, 1);
    const { replan } = world;
    world.replan = async (situation) => ({ ...(await replan(situation))!, gain: 0.09 });
    const session = await world.open();
    world.roster.set([1, 2]);
    await world.clock.advance(2000);
    expect(world.kinds()).toEqual(['switching', 'switched', 'kept']);
    expect(session.plan.segments).toHaveLength(1);
  });

  it('computes again elsewhere what an engine failed at, and fails a frame that no engine can compute', async () => {
    const world = new AdaptiveWorld(3);
    const session = await world.open();
    world.devices[2]!.failure = new PeerceptronError('ENGINE_FAILED', 'the GPU went away');
    expect(await world.until(stream(world, session, 5))).toEqual(inOrder(5));
    const lost = world.events.flatMap((event) => (event.type === 'peer-lost' ? [event.peer] : []));
    expect(lost).toEqual([peerIdOf(2)]);
    for (const device of world.devices) device.failure = new PeerceptronError('ENGINE_FAILED', 'no way');
    await expect(world.until(session.run(newFrame()))).rejects.toMatchObject({ code: 'FRAME_FAILED' });
  });

  it('rejects at the start where nobody computes', async () => {
    const world = new AdaptiveWorld(1, 0);
    const { computeHere: _, ...options } = { computeHere: undefined };
    await expect(world.open({ ...options, computeHere: undefined as never })).rejects.toMatchObject({
      code: 'PLAN_NO_PEERS',
    });
  });
});

describe('a device in its own plan', () => {
  it('[EP8] serves itself as it serves others, over a channel to itself', async () => {
    const world = new AdaptiveWorld(2);
    const here = world.requester.serve(world);
    const session = asSessionId('b'.repeat(32));
    const peers = [1, 0, 2].map((index) => ({ id: peerIdOf(index), speed: 1 }));
    const plan = pipelinePlan({ graph, session, epoch: 0, peers });
    const opened = await openSession({
      node: here.node,
      graph,
      weights,
      plan,
      clock: world.clock,
      trace: true,
    });
    const inputs = newFrame();
    const { outputs, tiles } = await opened.run(inputs);
    expect(await world.expectRight(inputs, outputs)).toBe(true);
    expect(tiles.map(({ peer }) => peer)).toEqual(peers.map(({ id }) => id));
    await opened.close();
    await settle();
    expect((await here.engine.memory()).tensors).toBe(0);
  });

  it('[EP8] refuses itself where it does not serve', async () => {
    const world = new AdaptiveWorld(1);
    const node = new RuntimeNode(world.room.join(peerIdOf(9)));
    const session = asSessionId('b'.repeat(32));
    const plan = pipelinePlan({ graph, session, epoch: 0, peers: [{ id: peerIdOf(9), speed: 1 }] });
    const opening = openSession({ node, graph, weights, plan, clock: world.clock });
    await expect(opening).rejects.toMatchObject({ code: 'SESSION_REFUSED' });
  });
});
