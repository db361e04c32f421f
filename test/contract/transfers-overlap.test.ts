import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine, LoadedTile } from '../../src/engine/engine.ts';
import { startNodeEngine } from '../../src/engine/worker-host-node.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import { RuntimeNode, type ServingRole } from '../../src/runtime/runtime-node.ts';
import { servePeer } from '../../src/runtime/serve-peer.ts';
import { openSession } from '../../src/runtime/session.ts';
import { asPeerId, asSessionId, type PeerId } from '../../src/shared/ids.ts';
import type { PeerChannel, PeerNetwork } from '../../src/transport/channel.ts';
import { createChannel } from '../../src/transport/mux.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { memorySource } from '../../src/weights/memory-source.ts';
import { FakeClock } from '../unit/mesh/fake-clock.ts';
import { buildComputeWorker } from './engine-worker-build.ts';
import { connectRtcPair } from './rtc-pair.ts';

/** 8 MB per frame: many times what may be sent of a stream, or over a link, before the receiver grants more. */
const size = 2_000_000;
const graph: Graph = {
  name: 'one step',
  inputs: [{ id: 'in', shape: [size] }],
  nodes: [{ id: 'out', op: { kind: 'activation', function: 'relu' }, inputs: ['in'], weights: {} }],
  outputs: ['out'],
};
const requesterId = asPeerId('a'.repeat(32));
const servingId = asPeerId('b'.repeat(32));

class OneLink implements PeerNetwork {
  onChannel: PeerNetwork['onChannel'];
  readonly self: PeerId;
  readonly #channel: PeerChannel;

  constructor(self: PeerId, channel: PeerChannel) {
    this.self = self;
    this.#channel = channel;
  }

  channel(): Promise<PeerChannel> {
    return Promise.resolve(this.#channel);
  }
}

/** A tile that runs until the test lets it go on; keeps the buffers that it was given. */
function held(engine: Engine) {
  const given: Float32Array[] = [];
  const running: (() => void)[] = [];
  let started!: () => void;
  const firstStarted = new Promise<void>((resolve) => (started = resolve));
  const holding: Engine = {
    name: engine.name,
    accuracy: engine.accuracy,
    memory: () => engine.memory(),
    dispose: () => engine.dispose(),
    load: async (program, weights): Promise<LoadedTile> => {
      const tile = await engine.load(program, weights);
      return {
        run: async (inputs) => {
          given.push(...inputs);
          started();
          await new Promise<void>((resolve) => running.push(resolve));
          return tile.run(inputs);
        },
        dispose: () => tile.dispose(),
      };
    },
  };
  return { engine: holding, given, firstStarted, running };
}

let worker: Engine;
beforeAll(async () => {
  worker = await startNodeEngine({ backend: 'reference', entry: await buildComputeWorker() });
});
afterAll(() => worker.dispose());

it('[SES10] what arrives while a tile runs for ten seconds is copied and credited at once, and no buffer is copied for the engine', async () => {
  const pair = await connectRtcPair(openRtcNode);
  try {
    const clock = new FakeClock();
    const near = createChannel({ link: pair.a.link, peer: servingId });
    const requester = new RuntimeNode(new OneLink(requesterId, near));
    const far = createChannel({ link: pair.b.link, peer: requesterId });
    const serving = new RuntimeNode(new OneLink(servingId, far));
    await serving.channel(requesterId);

    // Streams that this side has sent to their end, and that the other has taken to their end.
    const events: string[] = [];
    let changed = (): void => undefined;
    const happened = (event: string): void => {
      events.push(event);
      changed();
    };
    const until = (event: string): Promise<void> =>
      new Promise((resolve) => {
        changed = () => events.includes(event) && resolve();
        changed();
      });
    const send = near.sendStream.bind(near);
    near.sendStream = async (meta, data, options) => {
      await send(meta, data, options);
      if (meta.kind === 'piece') happened(`sent ${meta.frame}`);
    };
    const serve = serving.serve.bind(serving);
    serving.serve = (role) =>
      serve(
        role &&
          ({
            onControl: (channel, message) => role.onControl(channel, message),
            onChannelClosed: (peer, error) => role.onChannelClosed(peer, error),
            onStream: (channel, meta, totalBytes) => {
              const sink = role.onStream(channel, meta, totalBytes);
              if (sink instanceof Promise || meta.kind !== 'piece') return sink;
              const done = sink.done.bind(sink);
              return { ...sink, done: () => (done(), happened(`taken ${meta.frame}`)) };
            },
          } satisfies ServingRole),
      );

    const tile = held(worker);
    const service = servePeer({ node: serving, engine: tile.engine, memoryBytes: 1e9, clock });
    const session = await openSession({
      node: requester,
      graph,
      weights: memorySource([]),
      plan: pipelinePlan({
        graph,
        session: asSessionId('5'.repeat(32)),
        epoch: 0,
        peers: [{ id: servingId, speed: 1 }],
      }),
      clock,
      window: 4,
    });
    const inputs = [0, 1, 2, 3].map((frame) => new Float32Array(size).fill(frame + 1));
    const results = inputs.map((input) => session.run([input]));
    await tile.firstStarted;
    await clock.advance(10_000);
    // The tile of frame 0 runs all the while. The others come in whole.
    for (const frame of [1, 2, 3]) {
      await until(`sent ${frame}`);
      await until(`taken ${frame}`);
    }
    expect(tile.running.length).toBeGreaterThan(0);
    for (const buffer of tile.given) expect(buffer.length).toBe(size);

    let finished = false;
    const all = Promise.all(results).finally(() => (finished = true));
    while (!finished) {
      tile.running.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [frame, { outputs }] of (await all).entries()) {
      expect(outputs[0]!.length).toBe(size);
      expect(outputs[0]!.at(-1)).toBe(frame + 1);
    }
    // Detached: the memory went to the compute thread, it was not copied.
    expect(tile.given).toHaveLength(4);
    for (const buffer of tile.given) expect(buffer.byteLength).toBe(0);
    await session.close();
    await service.close();
  } finally {
    pair.a.link.close();
  }
});
