import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import type { ControlMessage, PieceMeta } from '../../../src/protocol/messages.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer } from '../../../src/runtime/serve-peer.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';

/** 2 MB: more than a stream may send before it is granted credit (256 KiB). */
const size = 500_000;
const inputBytes = size * 4;
const graph: Graph = {
  name: 'one step',
  inputs: [{ id: 'in', shape: [size] }],
  nodes: [{ id: 'out', op: { kind: 'bias' }, inputs: ['in'], weights: { bias: 'bias' } }],
  outputs: ['out'],
};
const session = asSessionId('e'.repeat(32));

/** A serving peer, and a requester that speaks the protocol by hand. */
async function open(memoryBytes = 1e9, engine: Engine = createReferenceEngine()) {
  const room = new MemoryRoom();
  let collections = 0;
  servePeer({
    node: new RuntimeNode(room.join(peerIdOf(1))),
    engine,
    memoryBytes,
    clock: new FakeClock(),
    collectGarbage: () => void (collections += 1),
  });
  const channel: PeerChannel = await room.join(peerIdOf(0)).channel(peerIdOf(1));
  const received: ControlMessage[] = [];
  const results = new Map<string, Float32Array>();
  const waiting = new Set<() => void>();
  /** The links pace themselves by the platform's clock, so that no number of turns is enough. */
  const resultsOf = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (results.size >= count) resolve();
      };
      waiting.add(look);
      look();
    });
  channel.onControl = (message) => received.push(message);
  channel.onStream = (meta, totalBytes) => {
    const { epoch, frame } = meta as PieceMeta;
    const buffer = new Uint8Array(totalBytes);
    const done = (): void => {
      results.set(`${epoch}/${frame}`, new Float32Array(buffer.buffer));
      for (const look of waiting) look();
    };
    return { buffer, done, failed: () => undefined };
  };
  const prepare = (epoch: number, sameWeights = false): void => {
    const plan = pipelinePlan({ graph, session, epoch, peers: [{ id: peerIdOf(1), speed: 1 }] });
    const same = sameWeights ? { sameWeights: true as const } : {};
    channel.sendControl({ type: 'prepare', session, epoch, graph, plan, window: 2, ...same });
  };
  const answers = (epoch: number): string[] =>
    received.flatMap((message) =>
      (message.type === 'ready' || message.type === 'refuse') && message.epoch === epoch
        ? [message.type === 'ready' ? 'ready' : message.code]
        : [],
    );
  /** Answers every weight that was asked for and not answered: `value` in every place. */
  const giveWeights = async (value: number): Promise<void> => {
    await settle();
    for (const message of received) {
      if (message.type !== 'weight-request' || given.has(message.request)) continue;
      given.add(message.request);
      const [range] = message.box;
      const data = new Float32Array(range![1] - range![0]).fill(value);
      await channel.sendStream({ kind: 'weight', request: message.request }, new Uint8Array(data.buffer), {
        priority: 'weight',
      });
    }
    await settle();
  };
  const given = new Set<number>();
  /** Input of a frame, `value` everywhere; tells when all of it was sent. */
  const feed = (epoch: number, frame: number, value: number) => {
    const meta: PieceMeta = {
      kind: 'piece',
      session,
      epoch,
      frame,
      lanes: [0],
      segment: 0,
      tile: 0,
      input: 0,
      piece: 0,
      codec: 'f32',
    };
    const data = new Uint8Array(new Float32Array(size).fill(value).buffer);
    const state = { sent: false, refused: '' };
    const all = channel.sendStream(meta, data, { priority: 'activation' }).then(
      () => void (state.sent = true),
      (error: { details: { code?: string } }) => void (state.refused = error.details.code ?? 'other'),
    );
    return { state, all };
  };
  return {
    channel,
    engine,
    results,
    resultsOf,
    prepare,
    answers,
    giveWeights,
    feed,
    get collections() {
      return collections;
    },
  };
}

const memory = (channel: { engine: Engine }): Promise<number> =>
  channel.engine.memory().then(({ bytes }) => bytes);

describe('epochs of one session', () => {
  it('[SES11] two are live at once, each with its own weights, and frames of both are computed', async () => {
    const world = await open();
    world.prepare(0);
    await world.giveWeights(10);
    world.prepare(1);
    await world.giveWeights(20);
    expect([world.answers(0), world.answers(1)]).toEqual([['ready'], ['ready']]);
    await Promise.all([world.feed(0, 0, 1).all, world.feed(1, 1, 1).all, world.feed(0, 2, 2).all]);
    await world.resultsOf(3);
    const firsts = [...world.results].map(([key, values]) => [key, values[0], values.at(-1)]);
    expect(firsts.sort()).toEqual([
      ['0/0', 11, 11],
      ['0/2', 12, 12],
      ['1/1', 21, 21],
    ]);
  });

  it('[SES11] the memory of both is reserved, or the second is refused', async () => {
    // Weights twice, inputs of two frames, and the output: 10 MB for one epoch.
    const world = await open(15e6);
    world.prepare(0);
    await world.giveWeights(10);
    world.prepare(1);
    await world.giveWeights(20);
    expect([world.answers(0), world.answers(1)]).toEqual([['ready'], ['PLAN_MEMORY']]);
    await world.feed(0, 0, 1).all;
    await world.resultsOf(1);
    expect(world.results.get('0/0')![0]).toBe(11);
  });

  it('[SES1] the memory of an engine that holds weights once is reserved accordingly', async () => {
    // Weights once, inputs of two frames, and on the engine input and output: 10 MB for one epoch.
    const world = await open(
      21e6,
      Object.assign(createReferenceEngine(), { weightStorage: 'once' as const }),
    );
    world.prepare(0);
    world.prepare(1);
    world.prepare(2);
    await world.giveWeights(10);
    expect([0, 1, 2].map(world.answers)).toEqual([['ready'], ['ready'], ['PLAN_MEMORY']]);
  });

  it('[SES3] READY waits for the engine, which runs every tile once before it calls it loaded', async () => {
    const inner = createReferenceEngine();
    let warm!: () => void;
    const warmed = new Promise<void>((resolve) => (warm = resolve));
    const cold: Engine = {
      ...inner,
      load: async (program, weights) => {
        const tile = await inner.load(program, weights);
        await warmed;
        return tile;
      },
    };
    const world = await open(1e9, cold);
    world.prepare(0);
    await world.giveWeights(10);
    await settle();
    expect(world.answers(0)).toEqual([]);
    warm();
    await settle();
    expect(world.answers(0)).toEqual(['ready']);
  });

  it('[SES11] what comes for one that is prepared and not ready waits with its initial credit, until it is', async () => {
    const world = await open();
    world.prepare(0);
    await settle();
    const early = world.feed(0, 0, 1);
    await settle();
    expect(early.state).toEqual({ sent: false, refused: '' });
    await world.giveWeights(10);
    await early.all;
    expect(early.state.sent).toBe(true);
    await world.resultsOf(1);
    expect(world.results.get('0/0')!.length).toBe(inputBytes / 4);
  });

  it('[SES11] what comes for one below the retired floor is refused, its memory is free, and the other goes on', async () => {
    const world = await open();
    world.prepare(0);
    await world.giveWeights(10);
    const one = await memory(world);
    world.prepare(1);
    await world.giveWeights(20);
    expect(await memory(world)).toBeGreaterThan(one);
    world.channel.sendControl({ type: 'retire', session, floor: 1 });
    const late = world.feed(0, 5, 1);
    await late.all;
    expect(late.state).toEqual({ sent: false, refused: 'SESSION_CLOSED' });
    expect(await memory(world)).toBe(one);
    world.prepare(0);
    await settle();
    expect(world.answers(0)).toEqual(['ready', 'SESSION_REFUSED']);
    await world.feed(1, 6, 1).all;
    await world.resultsOf(1);
    expect(world.results.get('1/6')![0]).toBe(21);
  });

  it('[EP3] with the same weights, what both need is fetched, held and reserved once, until the last is retired', async () => {
    // One epoch takes 10 MB, a second one on its own another 10.
    const world = await open(17e6);
    world.prepare(0);
    await world.giveWeights(10);
    const one = await memory(world);
    // What they came in is garbage; the second time nothing came.
    expect(world.collections).toBe(1);
    world.prepare(1, true);
    await settle();
    expect(world.answers(1)).toEqual(['ready']);
    expect(world.collections).toBe(1);
    expect(await memory(world)).toBe(one);
    world.channel.sendControl({ type: 'retire', session, floor: 1 });
    await settle();
    expect(await memory(world)).toBe(one);
    await world.feed(1, 6, 1).all;
    await world.resultsOf(1);
    expect(world.results.get('1/6')![0]).toBe(11);
    world.channel.sendControl({ type: 'end', session });
    await settle();
    expect(await memory(world)).toBe(0);
  });

  it('[EP2] one that is abandoned is freed, and the older one goes on', async () => {
    const world = await open();
    world.prepare(0);
    await world.giveWeights(10);
    const one = await memory(world);
    world.prepare(1);
    await world.giveWeights(20);
    world.channel.sendControl({ type: 'abandon', session, epoch: 1 });
    await settle();
    expect(await memory(world)).toBe(one);
    const late = world.feed(1, 5, 1);
    await late.all;
    expect(late.state.refused).toBe('SESSION_CLOSED');
    await world.feed(0, 6, 1).all;
    await world.resultsOf(1);
    expect(world.results.get('0/6')![0]).toBe(11);
  });
});
