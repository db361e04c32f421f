import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { systemClock } from '../../../src/mesh/system-clock.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { bands, channels } from '../../../src/planner/splits.ts';
import type { ControlMessage } from '../../../src/protocol/messages.ts';
import { dealBlocks } from '../../../src/runtime/block-deal.ts';
import { BlockAnswerer, BlockAsker } from '../../../src/runtime/block-exchange.ts';
import { PeerEpoch } from '../../../src/runtime/peer-epoch.ts';
import { PeerWeights } from '../../../src/runtime/peer-weights.ts';
import { RoomBlocks } from '../../../src/runtime/room-blocks.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer, type ServeEvent } from '../../../src/runtime/serve-peer.ts';
import { openSession, type Session } from '../../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../../src/runtime/whole-model.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { asSessionId, shortId, type PeerId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import type { WeightBlock } from '../../../src/weights/layout.ts';
import { FakeClock } from '../mesh/fake-clock.ts';
import { MemoryBlockCache, type BlockCache } from '../../../src/weights/block-cache.ts';
import { originBlocks } from '../../../src/weights/block-reader.ts';
import { memoryBytes, type ByteSource } from '../../../src/weights/byte-source.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import { laidOut } from '../../support/laid-out.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { randomWeights } from '../../support/random-ops.ts';
import { normals } from '../../support/random.ts';
import { Chain } from '../../support/small-networks.ts';

const graph: Graph = new Chain([8, 8, 48])
  .conv('conv1', 3, 96, 1)
  .relu('relu1')
  .conv('conv2', 3, 96, 1)
  .dense('fc1', 96)
  .graph('wide');
const random = seededRandom(21);
const values = randomWeights(random, graph);
const weights = memorySource(
  [...weightShapes(graph)].map(([name, shape]) => ({ name, shape, data: values.get(name)! })),
);
const file = await laidOut(weights);
const url = 'http://origin.test/weights.safetensors';
const input = [normals(random, 8 * 8 * 48)];
const peers = [1, 2, 3, 4].map(peerIdOf);
const requester = peerIdOf(0);
const sessionId = (digit: string) => asSessionId(digit.repeat(32));

const sharing = (session = sessionId('a')): Plan =>
  planBuilder(graph)
    .segment({ through: 'conv2/bias', split: bands({ axis: 'height', peers: [0, 1, 2, 3] }) })
    .segment({ through: 'fc1/bias', split: channels({ peers: [0, 1, 2, 3] }) })
    .plan({ session, epoch: 0, peers });
const quarters = (session = sessionId('b')): Plan =>
  planBuilder(graph)
    .layers({ through: 'fc1/bias', split: channels({ peers: [0, 1, 2, 3] }) })
    .plan({ session, epoch: 0, peers });

/** Counts the bytes that are read of it; may be given other bytes than the file's. */
function origin(bytes: Uint8Array = file.bytes): { source: ByteSource; readBytes: () => number } {
  let readBytes = 0;
  const inner = memoryBytes(url, bytes);
  return {
    readBytes: () => readBytes,
    source: {
      ...inner,
      read: async (offset, length, signal) => {
        const found = await inner.read(offset, length, signal);
        readBytes += found.length;
        return found;
      },
    },
  };
}

interface RoomOptions {
  readonly plan: Plan;
  /** What peers may read by themselves; nothing where they may not. */
  readonly peerSource?: (peer: PeerId) => ByteSource | undefined;
  readonly requesterSource?: ByteSource;
  readonly caches?: ReadonlyMap<PeerId, BlockCache>;
}

/** A room of four peers that load the plan, and one frame through it. */
async function loadRoom({ plan, peerSource, requesterSource, caches }: RoomOptions) {
  const room = new MemoryRoom();
  const events: { peer: PeerId; event: ServeEvent }[] = [];
  const services = peers.map((peer) =>
    servePeer({
      node: new RuntimeNode(room.join(peer)),
      engine: createReferenceEngine(),
      memoryBytes: 1e9,
      clock: systemClock,
      weights: {
        cache: caches?.get(peer) ?? new MemoryBlockCache(1e8),
        open: () => {
          const source = peerSource?.(peer);
          if (source) return source;
          throw new PeerceptronError('ORIGIN_REFUSED', 'not from here');
        },
      },
      onEvent: (event) => events.push({ peer, event }),
    }),
  );
  const source = requesterSource ?? memoryBytes('requester', file.bytes);
  let session: Session | undefined;
  try {
    session = await openSession({
      node: new RuntimeNode(room.join(requester)),
      graph,
      weights,
      blocks: {
        layout: file.layout,
        layoutFile: new TextEncoder().encode(file.layoutText),
        urls: [url],
        unfolded: graph,
        reader: originBlocks([source]),
      },
      plan,
      clock: systemClock,
    });
    const { outputs } = await session.run(input);
    const unsplit = await loadWholeModel(createReferenceEngine(), graph, weights);
    const comparison = compareOutputs(outputs, (await unsplit.run(input)).outputs);
    expect(comparison).toMatchObject({ withinTolerance: true, sameTop1: true });
    const sum = (pick: 'cacheBytes' | 'peerBytes' | 'originBytes' | 'requesterBytes'): number =>
      session!.peers.reduce((total, { sources }) => total + sources![pick], 0);
    return {
      events,
      cacheBytes: sum('cacheBytes'),
      peerBytes: sum('peerBytes'),
      originBytes: sum('originBytes'),
      requesterBytes: sum('requesterBytes'),
    };
  } finally {
    await session?.close();
    await Promise.all(services.map((service) => service.close()));
  }
}

const setAside = ({ events }: { events: readonly { event: ServeEvent }[] }) =>
  events.flatMap(({ event }) => (event.type === 'source-set-aside' ? [event] : []));

describe('[WB1] the deal of blocks', () => {
  it('gives every block that is needed to one of its needers, in even shares, and is the same for all', () => {
    const compiled = compilePlan(graph, sharing());
    const deal = dealBlocks(compiled, foldBatchNorm(graph), file.layout);
    const shares = new Map<PeerId, number>();
    for (const { index, lengthBytes } of file.layout.blocks) {
      const run = deal.run(index)!;
      expect(run.needers).toContain(run.fetcher);
      expect(index).toBeGreaterThanOrEqual(run.first);
      expect(index).toBeLessThan(run.stop);
      shares.set(run.fetcher, (shares.get(run.fetcher) ?? 0) + lengthBytes);
    }
    expect(shares.size).toBe(4);
  });
});

describe('a room that loads weights of our own layout', () => {
  it('[WB1] asks the origin for every byte once where peers share slices', async () => {
    const counted = origin();
    const loaded = await loadRoom({ plan: sharing(), peerSource: () => counted.source });
    expect(counted.readBytes()).toBeLessThanOrEqual(file.bytes.length);
    expect(loaded.requesterBytes).toBe(0);
    expect(loaded.peerBytes).toBeGreaterThan(0);
    expect(setAside(loaded)).toEqual([]);
  });

  it('[WB1] asks the origin for every byte once where each holds a quarter', async () => {
    const counted = origin();
    const loaded = await loadRoom({ plan: quarters(), peerSource: () => counted.source });
    expect(counted.readBytes()).toBeLessThanOrEqual(file.bytes.length);
    expect(loaded.requesterBytes).toBe(0);
  });

  it('[WB2] gets each block once from the requester where peers may ask no origin, and says why', async () => {
    const counted = origin();
    const loaded = await loadRoom({ plan: sharing(), requesterSource: counted.source });
    expect(counted.readBytes()).toBeLessThanOrEqual(file.bytes.length);
    expect(loaded.originBytes).toBe(0);
    expect(loaded.peerBytes).toBeGreaterThan(0);
    expect(setAside(loaded).map(({ error }) => error.code)).toEqual(Array(4).fill('ORIGIN_REFUSED'));
  });

  it('reads nothing anywhere that its caches hold', async () => {
    const caches = new Map(peers.map((peer) => [peer, new MemoryBlockCache(1e8)]));
    await loadRoom({ plan: sharing(), peerSource: () => origin().source, caches });
    const counted = origin();
    const again = await loadRoom({ plan: sharing(sessionId('c')), peerSource: () => counted.source, caches });
    expect(counted.readBytes()).toBe(0);
    expect(again.peerBytes + again.originBytes + again.requesterBytes).toBe(0);
    expect(again.cacheBytes).toBeGreaterThan(0);
  });

  it('[WB3] never uses flipped bits of an origin: it is set aside, and the requester helps', async () => {
    const damaged = file.bytes.slice();
    for (let at = file.bytes.length - 1000; at > 0; at -= 100_000) damaged[at]! ^= 4;
    const loaded = await loadRoom({ plan: sharing(), peerSource: () => origin(damaged).source });
    expect(loaded.requesterBytes).toBeGreaterThan(0);
    const given = setAside(loaded).find(({ source }) => source === 'the origin');
    expect(given?.error).toMatchObject({
      code: 'WEIGHTS_CORRUPT',
      message: expect.stringMatching(/weight tensor '.*', block \d+/) as string,
    });
  });

  it('[WB3] takes a truncated file for what it is, and names tensor and remedy where nobody has the rest', async () => {
    const short = file.bytes.subarray(0, file.bytes.length / 2);
    await loadRoom({ plan: sharing(), peerSource: () => origin(short).source });
    await expect(
      loadRoom({
        plan: sharing(),
        peerSource: () => origin(short).source,
        requesterSource: memoryBytes('requester', short),
      }),
    ).rejects.toMatchObject({
      code: 'WEIGHTS_CORRUPT',
      message: expect.stringMatching(
        /weight tensor '.*', block \d+.*start again with another copy/s,
      ) as string,
    });
  });
});

describe('blocks of one peer', () => {
  const [self, first, second, third] = peers as [PeerId, PeerId, PeerId, PeerId];
  const compiled = compilePlan(graph, sharing());
  const deal = dealBlocks(compiled, foldBatchNorm(graph), file.layout);
  const bytesOf = ({ offsetBytes, lengthBytes }: WeightBlock): Uint8Array =>
    file.bytes.slice(offsetBytes, offsetBytes + lengthBytes);
  type Answer = (block: WeightBlock) => Promise<Uint8Array>;
  const right: Answer = async (block) => bytesOf(block);
  const refuses: Answer = () =>
    Promise.reject(new PeerceptronError('WEIGHTS_UNAVAILABLE', 'not here', { details: { refusal: true } }));

  async function load(answers: ReadonlyMap<PeerId, Answer>, blockOrigin?: ByteSource) {
    const asked = new Map<PeerId, number>();
    const aside: [string, string][] = [];
    const blocks = new RoomBlocks({
      layout: file.layout,
      fileId: 'f'.repeat(40),
      deal,
      self,
      requester,
      cache: new MemoryBlockCache(1e8),
      origin: blockOrigin && originBlocks([blockOrigin]),
      ask: async (peer, block) => {
        asked.set(peer, (asked.get(peer) ?? 0) + 1);
        return (answers.get(peer) ?? refuses)(block);
      },
      onSetAside: (source, error) => aside.push([source, error.code]),
    });
    await blocks.read(file.layout.blocks, (block, bytes) =>
      expect(Buffer.compare(bytes, bytesOf(block)), `block ${block.index}`).toBe(0),
    );
    return { blocks, asked, aside };
  }

  it('[WB3] never uses what a hostile seeder sends: set aside with a code, and asked no more', async () => {
    const wrong: Answer = async (block) => bytesOf(block).map((byte) => byte ^ 1);
    const { asked, aside, blocks } = await load(
      new Map([
        [first, wrong],
        [second, right],
        [third, right],
        [requester, right],
      ]),
    );
    expect(aside).toEqual([[`peer ${shortId(first)}`, 'WEIGHTS_CORRUPT']]);
    expect(asked.get(first)).toBeLessThanOrEqual(32);
    expect(blocks.origins.peerBytes).toBeGreaterThan(0);
  });

  it('[WB1] asks the next needer, then the requester, then the origin', async () => {
    const fromNext = await load(
      new Map([
        [third, right],
        [requester, right],
      ]),
      origin().source,
    );
    expect(fromNext.blocks.origins.peerBytes).toBeGreaterThan(0);
    const fromRequester = await load(new Map([[requester, right]]), origin().source);
    expect(fromRequester.blocks.origins.requesterBytes).toBeGreaterThan(0);
    const counted = origin();
    const fromOrigin = await load(new Map(), counted.source);
    expect(fromOrigin.blocks.origins.originBytes).toBe(counted.readBytes());
  });

  it('gives up a member that has left, and one that refuses again and again', async () => {
    const gone: Answer = () => Promise.reject(new PeerceptronError('LINK_LOST', 'it left'));
    const { aside } = await load(
      new Map([
        [first, gone],
        [requester, right],
      ]),
    );
    expect(aside).toContainEqual([`peer ${shortId(first)}`, 'LINK_LOST']);
  });

  it('names the tensor and what to do where nobody gives a block', async () => {
    await expect(load(new Map())).rejects.toMatchObject({
      code: 'WEIGHTS_UNAVAILABLE',
      message: expect.stringMatching(/weight tensor 'conv1.*nobody gives it.*another copy/s) as string,
    });
  });

  it('[WB2] seeds what it has or is to bring, and nothing that it waits for itself', async () => {
    const { blocks } = await load(new Map([[requester, right]]));
    expect(await blocks.seed(0)).toEqual(bytesOf(file.layout.blocks[0]!));
    const fresh = new RoomBlocks({
      layout: file.layout,
      fileId: 'e'.repeat(40),
      deal,
      self,
      requester,
      cache: new MemoryBlockCache(1e8),
      ask: (_peer, block) => right(block),
    });
    const mine = file.layout.blocks.find(({ index }) => deal.run(index)?.fetcher === self)!;
    const other = file.layout.blocks.find(({ index }) => deal.run(index)?.fetcher !== self)!;
    expect(await fresh.seed(mine.index)).toEqual(bytesOf(mine));
    await expect(fresh.seed(other.index)).rejects.toMatchObject({ code: 'WEIGHTS_UNAVAILABLE' });
  });
});

describe('asking and answering', () => {
  async function channels2() {
    const room = new MemoryRoom();
    const [near, far] = [room.join(peerIdOf(1)), room.join(peerIdOf(2))];
    const arrived = new Promise<PeerChannel>((resolve) => (far.onChannel = resolve));
    return { near: await near.channel(peerIdOf(2)), far: await arrived };
  }

  it('[WB2] gives up on a member from which nothing comes for ten seconds', async () => {
    const { near, far } = await channels2();
    far.onControl = () => undefined;
    const clock = new FakeClock();
    const asker = new BlockAsker(near, clock);
    const asked = asker.ask(sessionId('a'), 0, 3, 10);
    const failed = expect(asked).rejects.toMatchObject({ code: 'WEIGHTS_UNAVAILABLE' });
    await clock.advance(10_001);
    await failed;
    expect(clock.pending).toBe(0);
  });

  it('[WB2] a flood of requests ends the link of whoever sends it', async () => {
    const { near, far } = await channels2();
    const answerer = new BlockAnswerer(far);
    far.onControl = (message) => {
      if (message.type === 'block-request') answerer.answer(message, () => new Promise(() => undefined));
    };
    for (let request = 1; request <= 65; request++) {
      near.sendControl({ type: 'block-request', session: sessionId('a'), epoch: 0, request, block: 0 });
    }
    expect(await near.closed).toMatchObject({ code: 'PROTOCOL_LIMIT' });
  });

  it('[WB2] a block that the file does not have ends the link; a stranger to the plan is refused', async () => {
    const room = new MemoryRoom();
    const [serving, asking] = [peers[0]!, peers[1]!];
    const node = new RuntimeNode(room.join(serving));
    const service = new PeerWeights({ node, clock: systemClock });
    let tell: (message: ControlMessage) => void;
    const refused = new Promise<ControlMessage>((resolve) => (tell = resolve));
    const open = async (peer: PeerId): Promise<PeerChannel> => {
      const member = room.join(peer);
      const channel = await member.channel(serving);
      channel.onControl = (message) => tell(message);
      return channel;
    };
    node.serve({
      onControl: (channel, message) => {
        if (message.type === 'block-request') service.onControl(channel, message);
      },
      onStream: () => {
        throw new Error('not asked for');
      },
      onChannelClosed: () => undefined,
    });
    const plan = sharing();
    const epoch = new PeerEpoch(compilePlan(graph, plan), serving, requester, 1);
    const layout = new TextEncoder().encode(file.layoutText);
    const prepare = {
      type: 'prepare' as const,
      session: plan.session,
      epoch: 0,
      graph,
      plan,
      window: 1,
      weights: { kind: 'origin' as const, layout, urls: [], unfolded: graph },
    };
    const stranger = await open(peerIdOf(9));
    const member = await open(asking);
    await service.open(epoch, prepare, member);
    const request = { type: 'block-request' as const, session: plan.session, epoch: 0, request: 1 };
    stranger.sendControl({ ...request, block: 0 });
    member.sendControl({ ...request, block: file.layout.blocks.length });
    expect(await member.closed).toMatchObject({ code: 'PROTOCOL_MALFORMED' });
    expect(await refused).toMatchObject({ type: 'block-refused', code: 'SESSION_REFUSED' });
  });
});
