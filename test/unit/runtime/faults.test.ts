import { afterEach, describe, expect, it } from 'vitest';
import type { Engine, LoadedTile } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { shapeSize } from '../../../src/graph/box.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import type { PieceMeta } from '../../../src/protocol/messages.ts';
import { RuntimeNode, type ServingRole, type WorkStreamMeta } from '../../../src/runtime/runtime-node.ts';
import { servePeer, type PeerService, type ServeEvent } from '../../../src/runtime/serve-peer.ts';
import { openSession, type Session, type SessionOptions } from '../../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../../src/runtime/whole-model.ts';
import { PeerceptronError, type ErrorCode } from '../../../src/shared/errors.ts';
import { asSessionId, shortId, type PeerId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import type { PeerChannel, StreamSink } from '../../../src/transport/channel.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { normals } from '../../support/random.ts';
import { lenet } from '../../support/small-networks.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';

const graph = lenet();
const random = seededRandom(11);
const weights = memorySource(
  [...weightShapes(graph)].map(([name, shape]) => ({
    name,
    shape,
    data: normals(random, shapeSize(shape), 0.2),
  })),
);
const frame = (): Float32Array[] => [normals(random, shapeSize(graph.inputs[0]!.shape))];
const coded = (code: ErrorCode, text = ''): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error;

/** Requester 0 and serving peers 1…n in one room, on one clock that stands still. */
class World {
  readonly clock = new FakeClock();
  readonly room = new MemoryRoom();
  readonly requester = new RuntimeNode(this.room.join(peerIdOf(0)));
  readonly nodes = new Map<PeerId, RuntimeNode>();
  readonly roles = new Map<PeerId, ServingRole>();
  readonly events: ServeEvent[] = [];
  readonly services: PeerService[] = [];
  #sessions = 0;

  serve(index: number, engine: Engine = createReferenceEngine(), memoryBytes = 1e9): Engine {
    const node = new RuntimeNode(this.room.join(peerIdOf(index)));
    const serveRole = node.serve.bind(node);
    node.serve = (role) => {
      if (role) this.roles.set(peerIdOf(index), role);
      serveRole(role);
    };
    this.nodes.set(peerIdOf(index), node);
    const onEvent = (event: ServeEvent): void => void this.events.push(event);
    this.services.push(servePeer({ node, engine, memoryBytes, clock: this.clock, onEvent }));
    return engine;
  }

  open(peers: readonly number[], options: Partial<SessionOptions> = {}): Promise<Session> {
    this.#sessions += 1;
    const plan = pipelinePlan({
      graph,
      session: asSessionId(String(this.#sessions).padStart(32, '0')),
      epoch: 0,
      peers: peers.map((index) => ({ id: peerIdOf(index), speed: 1 })),
    });
    return openSession({ node: this.requester, graph, weights, plan, clock: this.clock, ...options });
  }
}

/** The reference engine with a hand on every run. */
function engineWith(beforeRun: () => Promise<void>): Engine {
  const engine = createReferenceEngine();
  return {
    ...engine,
    name: 'held',
    load: async (program, slices): Promise<LoadedTile> => {
      const loaded = await engine.load(program, slices);
      return {
        run: async (inputs) => {
          await beforeRun();
          return loaded.run(inputs);
        },
        dispose: () => loaded.dispose(),
      };
    },
  };
}

let world = new World();
afterEach(() => {
  world = new World();
});

async function expectRight(session: Session): Promise<void> {
  const whole = await loadWholeModel(createReferenceEngine(), graph, weights);
  const inputs = frame();
  const [result, expected] = [await session.run(inputs), await whole.run(inputs)];
  expect(compareOutputs(result.outputs, expected.outputs).withinTolerance).toBe(true);
}

describe('preparing a session', () => {
  it('[SES1] is refused by a device that does not serve', async () => {
    new RuntimeNode(world.room.join(peerIdOf(1)));
    await expect(world.open([1])).rejects.toThrowError(coded('SESSION_REFUSED', shortId(peerIdOf(1))));
  });

  it('[SES1] is refused for lack of memory, with the figures, and nothing stays reserved', async () => {
    const engine = world.serve(1, createReferenceEngine(), 200_000);
    await expect(world.open([1])).rejects.toThrowError(coded('PLAN_MEMORY', 'offers 1 MB'));
    expect((await engine.memory()).bytes).toBe(0);
  });

  it('frees everything when another peer refuses', async () => {
    const engine = world.serve(1);
    world.serve(2, createReferenceEngine(), 10);
    await expect(world.open([1, 2])).rejects.toThrowError(coded('PLAN_MEMORY'));
    await settle();
    expect((await engine.memory()).tensors).toBe(0);
    await expectRight(await world.open([1]));
  });

  it('fails with the name of a weight that the model file lacks', async () => {
    const engine = world.serve(1);
    const [first] = [...weights.tensors.keys()];
    const lacking = { ...weights, tensors: new Map([...weights.tensors].filter(([name]) => name !== first)) };
    await expect(world.open([1], { weights: lacking })).rejects.toThrowError(coded('WEIGHTS_MISSING', first));
    expect((await engine.memory()).tensors).toBe(0);
  });

  it.each([
    ['a graph that is none', { graph: { name: 'x' } }, 'GRAPH_INVALID'],
    ['a plan that is none', { plan: [] }, 'PLAN_INVALID'],
    ['a plan with a hole', 'hole', 'PLAN_INVALID'],
  ] as const)('[SES1] is refused when it brings %s', async (_, broken, code) => {
    const engine = world.serve(1);
    const session = asSessionId('a'.repeat(32));
    const plan = pipelinePlan({ graph, session, epoch: 0, peers: [{ id: peerIdOf(1), speed: 1 }] });
    const channel = await world.requester.channel(peerIdOf(1));
    const answer = new Promise<unknown>((resolve) => {
      channel.onControl = resolve;
    });
    const sent = broken === 'hole' ? { plan: { ...plan, segments: [] } } : broken;
    channel.sendControl({ type: 'prepare', session, epoch: 0, graph, plan, window: 1, ...sent });
    expect(await answer).toMatchObject({ type: 'refuse', session, code });
    expect((await engine.memory()).tensors).toBe(0);
  });

  it('[SES1] is refused with a sentence that fits, however much is wrong', async () => {
    world.serve(1);
    const session = asSessionId('b'.repeat(32));
    const plan = pipelinePlan({ graph, session, epoch: 0, peers: [{ id: peerIdOf(1), speed: 1 }] });
    const [segment] = plan.segments;
    const [only] = segment!.lanes[0]!.tiles;
    const tiles = Array.from({ length: 500 }, () => only!);
    const channel = await world.requester.channel(peerIdOf(1));
    const answer = new Promise<{ message?: string }>((resolve) => {
      channel.onControl = (message) => resolve(message as { message?: string });
    });
    const broken = { ...plan, segments: [{ ...segment, lanes: [{ share: 1, tiles }] }] };
    channel.sendControl({ type: 'prepare', session, epoch: 0, graph, plan: broken, window: 1 });
    const { message } = await answer;
    expect(message).toContain('PL4');
    expect(message!.length).toBeLessThanOrEqual(2000);
  });

  it('fails when a loading peer makes no progress', async () => {
    world.serve(1);
    const never = { ...weights, read: () => new Promise<never>(() => undefined) };
    const opening = world.open([1], { weights: never, stallTimeoutMs: 5000 });
    const failed = expect(opening).rejects.toThrowError(coded('FRAME_TIMEOUT', shortId(peerIdOf(1))));
    await world.clock.advance(5001);
    await failed;
  });
});

describe('running frames', () => {
  it('refuses inputs that do not fit, and goes on', async () => {
    world.serve(1);
    const session = await world.open([1]);
    await expect(session.run([new Float32Array(3)])).rejects.toThrowError(
      coded('INPUT_INVALID', '[28, 28, 1]'),
    );
    await expect(session.run([])).rejects.toThrowError(coded('INPUT_INVALID'));
    await expectRight(session);
  });

  it('[SES8] fails one frame when an engine fails, and not the next', async () => {
    let broken = true;
    world.serve(
      1,
      engineWith(async () => {
        if (broken) throw new PeerceptronError('ENGINE_FAILED', 'the GPU went away');
      }),
    );
    world.serve(2);
    const session = await world.open([1, 2]);
    await expect(session.run(frame())).rejects.toThrowError(coded('FRAME_FAILED', 'the GPU went away'));
    broken = false;
    await expectRight(session);
  });

  it('gives up a frame that makes no progress, naming the peer that holds it, and runs the next', async () => {
    let release = (): void => undefined;
    let held = true;
    world.serve(1);
    world.serve(
      2,
      engineWith(() => (held ? new Promise((resolve) => (release = resolve)) : Promise.resolve())),
    );
    const session = await world.open([1, 2], { stallTimeoutMs: 10_000 });
    const failed = expect(session.run(frame())).rejects.toThrowError(
      coded('FRAME_TIMEOUT', `segment 1 on peer ${shortId(peerIdOf(2))}`),
    );
    await world.clock.advance(10_001);
    await failed;
    held = false;
    release();
    await expectRight(session);
  });

  it('[SES6] drops a frame when its program says so, wherever it is, and runs the others', async () => {
    const held: (() => void)[] = [];
    world.serve(
      1,
      engineWith(() => new Promise((resolve) => held.push(resolve))),
    );
    const session = await world.open([1], { window: 2 });
    const controllers = [0, 1, 2].map(() => new AbortController());
    const settled: string[] = [];
    const runs = controllers.map(({ signal }, index) =>
      session.run(frame(), { signal }).then(
        () => settled.push(`${index} done`),
        (error: PeerceptronError) => settled.push(`${index} ${error.code}`),
      ),
    );
    await settle();
    // Frame 0 computes, frame 1 is in the peer's memory, frame 2 waits for admission.
    controllers[2]!.abort();
    controllers[1]!.abort();
    await settle();
    expect(settled.toSorted()).toEqual(['1 FRAME_DROPPED', '2 FRAME_DROPPED']);
    controllers[0]!.abort();
    await Promise.all(runs);
    const next = session.run(frame());
    await settle();
    while (held.length > 0) {
      held.shift()!();
      await settle();
    }
    expect((await next).outputs).toHaveLength(1);
    const aborted = new AbortController();
    aborted.abort();
    await expect(session.run(frame(), { signal: aborted.signal })).rejects.toThrowError(
      coded('FRAME_DROPPED'),
    );
  });

  it('keeps no more frames in flight than the window, and finishes all in order', async () => {
    let running = 0;
    let most = 0;
    const engine = engineWith(async () => {
      most = Math.max(most, running);
      await Promise.resolve();
    });
    world.serve(1, engine);
    const session = await world.open([1], { window: 3 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const result = await session.run(frame()).finally(() => (running = order.length));
        order.push(result.frame);
      }),
    );
    expect(order).toEqual([...order.keys()]);
    expect(order).toHaveLength(12);
  });

  it('fails every frame in flight when a peer is lost, and the survivors serve the next session', async () => {
    const survivor = world.serve(1);
    world.serve(
      2,
      engineWith(() => new Promise(() => undefined)),
    );
    const session = await world.open([1, 2]);
    const failed = [session.run(frame()), session.run(frame()), session.run(frame())].map((run) =>
      expect(run).rejects.toThrowError(coded('PEER_LOST', shortId(peerIdOf(2)))),
    );
    await settle();
    world.room.kill(peerIdOf(2));
    await Promise.all(failed);
    await expect(session.run(frame())).rejects.toThrowError(coded('PEER_LOST'));
    await session.close();
    await settle();
    expect((await survivor.memory()).tensors).toBe(0);
    await expectRight(await world.open([1]));
  });

  it('[EP6] ends when a peer says that it leaves, and does not make it wait', async () => {
    const engine = world.serve(1);
    world.serve(2);
    const session = await world.open([1, 2]);
    await world.services[0]!.leave();
    expect((await engine.memory()).tensors).toBe(0);
    await expect(session.run(frame())).rejects.toThrowError(coded('PEER_LOST', 'leaving'));
    await expect(world.open([1])).rejects.toThrowError(coded('SESSION_REFUSED', 'about to leave'));
    await session.close();
    await expectRight(await world.open([2]));
  });

  it('[SES7] frees a peer whose requester disappears', async () => {
    const engine = world.serve(1);
    await world.open([1]);
    expect((await engine.memory()).tensors).toBeGreaterThan(0);
    world.room.kill(peerIdOf(0));
    await settle();
    expect((await engine.memory()).tensors).toBe(0);
    expect(world.events.at(-1)).toMatchObject({ type: 'session-ended' });
  });

  it('[SES7] ends only by its own requester', async () => {
    world.serve(1);
    const session = await world.open([1]);
    const stranger = new RuntimeNode(world.room.join(peerIdOf(9)));
    const channel = await stranger.channel(peerIdOf(1));
    channel.sendControl({ type: 'end', session: session.plan.session });
    channel.sendControl({ type: 'retire', session: session.plan.session, floor: 5 });
    await settle();
    await expectRight(session);
  });

  it('[SES8] takes no reports from peers that are not part of the plan', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    world.serve(
      1,
      engineWith(() => held),
    );
    const session = await world.open([1]);
    const running = session.run(frame());
    await settle();
    const stranger = new RuntimeNode(world.room.join(peerIdOf(9)));
    const channel = await stranger.channel(world.requester.self);
    const report = { session: session.plan.session, epoch: 0, frame: 0, segment: 0, tile: 0 };
    channel.sendControl({ type: 'frame-failed', ...report, code: 'ENGINE_FAILED', message: 'so it says' });
    await settle();
    release();
    expect((await running).frame).toBe(0);
  });

  it('[SES3] is ready only when its peers reach each other', async () => {
    world.serve(1);
    world.serve(2);
    world.room.separate(peerIdOf(1), peerIdOf(2));
    await expect(world.open([1, 2])).rejects.toThrowError(coded('LINK_NO_ROUTE', shortId(peerIdOf(1))));
    await expectRight(await world.open([2]));
  });

  it('serves several requesters at once', async () => {
    world.serve(1);
    const other = new RuntimeNode(world.room.join(peerIdOf(9)));
    const sessions = [await world.open([1]), await world.open([1], { node: other })];
    await Promise.all([...sessions, ...sessions, ...sessions].map(expectRight));
  });

  it('serves and asks over the same channel', async () => {
    world.serve(1);
    world.serve(2);
    const there = await world.open([2], { node: world.nodes.get(peerIdOf(1))! });
    const back = await world.open([1], { node: world.nodes.get(peerIdOf(2))! });
    await Promise.all([expectRight(there), expectRight(back)]);
  });
});

describe('pieces that nobody may send', () => {
  const piece = (session: Session, changes: Partial<PieceMeta> = {}): PieceMeta => ({
    kind: 'piece',
    session: session.plan.session,
    epoch: 0,
    frame: 0,
    lanes: session.plan.segments.map(() => 0),
    segment: 0,
    tile: 0,
    input: 0,
    piece: 0,
    codec: 'f32',
    ...changes,
  });
  const wholeInput = 28 * 28 * 4;

  /** A stream as it is announced to peer 1; refused synchronously or by a promise. */
  const announce = async (from: PeerId, meta: WorkStreamMeta, bytes: number): Promise<unknown> => {
    const channel = await (from === world.requester.self
      ? world.requester.channel(peerIdOf(1))
      : Promise.resolve({ peer: from } as PeerChannel));
    // The role compares channels only for control messages; for streams the sender's id counts.
    return world.roles.get(peerIdOf(1))!.onStream({ ...channel, peer: from }, meta, bytes);
  };

  it.each([
    ['from a peer that does not make it', {}, wholeInput, 9, 'PROTOCOL_MALFORMED'],
    [
      'of a session that is not there',
      { session: asSessionId('f'.repeat(32)) },
      wholeInput,
      0,
      'SESSION_CLOSED',
    ],
    ['of an epoch that was never prepared', { epoch: 7 }, wholeInput, 0, 'SESSION_CLOSED'],
    ['for a tile of somebody else', { segment: 1 }, wholeInput, 0, 'PROTOCOL_MALFORMED'],
    ['for a segment that does not exist', { segment: 99 }, wholeInput, 0, 'PROTOCOL_MALFORMED'],
    ['for an input that does not exist', { input: 5 }, wholeInput, 0, 'PROTOCOL_MALFORMED'],
    ['that is not in the plan', { piece: 5 }, wholeInput, 0, 'PROTOCOL_MALFORMED'],
    ['on a lane that does not exist', { lanes: [3, 0] }, wholeInput, 0, 'PROTOCOL_MALFORMED'],
    ['on too few lanes', { lanes: [0] }, wholeInput, 0, 'PROTOCOL_MALFORMED'],
    ['of the wrong size', {}, wholeInput - 4, 0, 'PROTOCOL_MALFORMED'],
    ['in a codec that the plan does not name', { codec: 'f16' }, wholeInput / 2, 0, 'PROTOCOL_MALFORMED'],
    ['in u8, which the plan does not name', { codec: 'u8' }, 28 * 28 + 5, 0, 'PROTOCOL_MALFORMED'],
    ['as pixels that are too short', { codec: 'pixels' }, 28 * 28 + 15, 0, 'PROTOCOL_MALFORMED'],
    ['as pixels of too many channels', { codec: 'pixels' }, 28 * 28 + 48, 0, 'PROTOCOL_MALFORMED'],
  ] as const)('[SES4] %s are refused, and the session goes on', async (_, changes, bytes, sender, code) => {
    world.serve(1);
    world.serve(2);
    const session = await world.open([1, 2]);
    const meta = piece(session, changes as Partial<PieceMeta>);
    await expect(announce(peerIdOf(sender), meta, bytes)).rejects.toThrowError(coded(code));
    await expectRight(session);
  });

  it('[SES4] a second time are refused', async () => {
    world.serve(1);
    const session = await world.open([1]);
    const meta = piece(session, { frame: 50 });
    await announce(peerIdOf(0), meta, wholeInput);
    await expect(announce(peerIdOf(0), meta, wholeInput)).rejects.toThrowError(coded('PROTOCOL_ORDER'));
    await expectRight(session);
  });

  it('[SES5] [SES6] beyond what the window reserved wait until a frame is dropped', async () => {
    world.serve(1);
    const session = await world.open([1], { window: 2 });
    const open = (frameId: number): Promise<unknown> =>
      announce(peerIdOf(0), piece(session, { frame: frameId }), wholeInput);
    const { signal } = (await open(50)) as StreamSink;
    await open(51);
    let opened = false;
    const third = open(52).then(() => (opened = true));
    await settle();
    expect(opened).toBe(false);
    expect(signal!.aborted).toBe(false);
    const channel = await world.requester.channel(peerIdOf(1));
    channel.sendControl({ type: 'drop', session: session.plan.session, epoch: 0, frame: 50 });
    await third;
    // The sender of what was under way is told, and what comes later is refused.
    expect(signal!.aborted).toBe(true);
    await expect(open(50)).rejects.toThrowError(coded('STREAM_CANCELLED'));
    channel.sendControl({ type: 'drop', session: session.plan.session, epoch: 0, frame: 51 });
    channel.sendControl({ type: 'drop', session: session.plan.session, epoch: 0, frame: 52 });
    await settle();
    await expectRight(session);
  });

  it('[SES5] [SES7] that wait for room are refused when the session ends', async () => {
    world.serve(1);
    const session = await world.open([1], { window: 1 });
    await announce(peerIdOf(0), piece(session, { frame: 50 }), wholeInput);
    const waiting = expect(
      announce(peerIdOf(0), piece(session, { frame: 51 }), wholeInput),
    ).rejects.toThrowError(coded('SESSION_CLOSED'));
    await settle();
    await session.close();
    await waiting;
  });

  it('[SES2] as weights that were not asked for are refused', async () => {
    world.serve(1);
    await expect(announce(peerIdOf(0), { kind: 'weight', request: 1 }, 16)).rejects.toThrowError(
      coded('PROTOCOL_MALFORMED'),
    );
    await expectRight(await world.open([1]));
  });
});
