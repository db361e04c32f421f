import { afterEach, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../../src/engine/reference.ts';
import type { Graph } from '../../../../src/graph/graph.ts';
import type { LoadedModel } from '../../../../src/import/load-model.ts';
import type { Member, Mesh, MeshEvent } from '../../../../src/mesh/mesh.ts';
import { systemClock } from '../../../../src/mesh/system-clock.ts';
import type { Capabilities } from '../../../../src/protocol/messages.ts';
import { offerProfile } from '../../../../src/runtime/profile-service.ts';
import { RuntimeNode } from '../../../../src/runtime/runtime-node.ts';
import { servePeer } from '../../../../src/runtime/serve-peer.ts';
import { compareOutputs } from '../../../../src/runtime/whole-model.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import type { PeerId } from '../../../../src/shared/ids.ts';
import { seededRandom } from '../../../../src/shared/random.ts';
import type { PeerChannel } from '../../../../src/transport/channel.ts';
import {
  oneByOne,
  roomRunner,
  type MeshRun,
  type MeshRunEvent,
  type RunningNetwork,
} from '../../../../src/ui/demo/mesh-runner.ts';
import { taughtGraph } from '../../../../src/ui/teach/feature-network.ts';
import { digitModel, wholeNetwork } from '../../../support/digit-model.ts';
import { MemoryRoom, peerIdOf, type MemoryMember } from '../../../support/memory-network.ts';
import { FakeRunner } from '../../../support/live-fakes.ts';
import { profileOf } from '../../../support/test-profile.ts';
import { settle } from '../../mesh/fake-clock.ts';

const capabilitiesOf = (name: string): Capabilities => ({
  name,
  engine: 'reference',
  accuracy: 'f32',
  memoryBytes: 1e9,
  platform: 'test',
  serves: true,
});

/** Joined by links in memory; members are connected when they are called. */
class MemoryMesh implements Mesh {
  readonly carried = { sentBytes: 0, receivedBytes: 0 };
  readonly members = new Map<PeerId, Member>();
  readonly #member: MemoryMember;
  readonly #listeners = new Set<(event: MeshEvent) => void>();

  constructor(room: MemoryRoom, index: number, others: readonly number[]) {
    this.#member = room.join(peerIdOf(index));
    for (const id of others.map(peerIdOf)) this.members.set(id, { state: 'announced', id });
  }

  get self(): PeerId {
    return this.#member.self;
  }

  set onChannel(handler: ((channel: PeerChannel) => void) | undefined) {
    this.#member.onChannel = handler;
  }

  async channel(peer: PeerId): Promise<PeerChannel> {
    const channel = await this.#member.channel(peer);
    if (this.members.get(peer)?.state === 'announced') {
      const member: Member = {
        state: 'connected',
        id: peer,
        capabilities: capabilitiesOf(`device ${peer.at(-1)}`),
      };
      this.members.set(peer, member);
      for (const listener of this.#listeners) listener({ type: 'member', member });
    }
    return channel;
  }

  subscribe(listener: (event: MeshEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  offer(): void {
    // Nobody in these rooms says anything else of itself.
  }

  traffic(): undefined {
    return undefined;
  }

  async leave(): Promise<void> {}
}

function serving(mesh: MemoryMesh): RuntimeNode {
  const node = new RuntimeNode(mesh);
  servePeer({ node, engine: createReferenceEngine(), memoryBytes: 1e9, clock: systemClock });
  // Slow enough that two are better than one, whatever the links take.
  offerProfile({ node, clock: systemClock, profile: () => Promise.resolve(profileOf(20_000)) });
  return node;
}

describe('several that share the devices of a room', () => {
  it('have one session after the other, whatever becomes of the one before', async () => {
    const runner = new FakeRunner();
    const shared = oneByOne(runner);
    const model = await digitModel();
    const job = { model, graph: model.graph, onEvent: () => undefined };
    const first = await shared.open(job);
    runner.failure = new PeerceptronError('PLAN_MEMORY', 'it does not fit');
    const second = shared.open(job).catch((error: PeerceptronError) => error.code);
    const third = shared.open(job);
    await settle();
    expect(runner.calls).toEqual(['open']);
    await first.close();
    expect(await second).toBe('PLAN_MEMORY');
    await expect(third).rejects.toThrow('it does not fit');
    runner.failure = undefined;
    expect((await shared.open(job)).window).toBe(1);
    expect(runner.calls).toEqual(['open', 'close', 'open', 'open', 'open']);
  });
});

describe('a network that a room runs for a page', () => {
  const runs: MeshRun[] = [];
  afterEach(async () => {
    for (const run of runs.splice(0)) await run.close();
  });

  async function open(model: LoadedModel, graph: Graph) {
    const room = new MemoryRoom();
    for (const index of [1, 2]) serving(new MemoryMesh(room, index, []));
    const mesh = new MemoryMesh(room, 0, [1, 2]);
    const node = serving(mesh);
    const events: MeshRunEvent[] = [];
    const running: (RunningNetwork | undefined)[] = [];
    const random = seededRandom(3);
    const runner = roomRunner({
      mesh,
      node,
      capabilities: capabilitiesOf('page'),
      clock: systemClock,
      randomBytes: (length) => Uint8Array.from({ length }, () => random.integer(256)),
      objective: { kind: 'throughput' },
      onRunning: (network) => running.push(network),
    });
    const run = await runner.open({ model, graph, onEvent: (event) => events.push(event) });
    runs.push(run);
    return { run, events, running };
  }

  it('is planned over all devices, says what it does meanwhile, and computes what the unsplit one does', async () => {
    const model = await digitModel();
    const { run, events, running } = await open(model, model.graph);
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.step.step] : []));
    expect(steps.slice(0, 2)).toEqual(['connecting', 'planning']);
    expect(steps).toContain('loading');
    const planned = events.findLast((event) => event.type === 'planned');
    expect(planned?.type === 'planned' && planned.plan.offeredCount).toBe(3);
    expect(running.at(-1)?.graph).toBe(model.graph);
    expect(running.at(-1)?.chosen?.reason).toBe('start');
    expect(run.window).toBe(running.at(-1)?.session.window);

    const whole = await wholeNetwork(model, model.graph);
    const random = seededRandom(4);
    const frames = Array.from({ length: 5 }, () => Float32Array.from({ length: 1024 }, () => random.next()));
    const results = await Promise.all(frames.map((frame) => run.run([frame])));
    for (const [index, { outputs }] of results.entries()) {
      expect(compareOutputs(outputs, [await whole(frames[index]!)]).withinTolerance).toBe(true);
    }
    await run.close();
    expect(running.at(-1)).toBeUndefined();
  });

  it('may be a part of one: what lies behind is not loaded', async () => {
    const model = await digitModel();
    const read = new Set<string>();
    const weights: LoadedModel['weights'] = {
      tensors: model.weights.tensors,
      read: (name, box, signal) => {
        read.add(name);
        return model.weights.read(name, box, signal);
      },
    };
    const graph = taughtGraph(model);
    const { run } = await open({ ...model, weights }, graph);
    expect([...read].sort()).toContain('dense1/kernel');
    expect([...read].filter((name) => name.startsWith('dense2'))).toEqual([]);
    const frame = new Float32Array(1024).fill(0.5);
    const { outputs } = await run.run([frame]);
    const whole = await wholeNetwork(model, graph);
    expect(outputs[0]).toHaveLength(128);
    expect(compareOutputs(outputs, [await whole(frame)]).withinTolerance).toBe(true);
  });
});
