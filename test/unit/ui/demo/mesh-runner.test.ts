import { afterEach, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../../src/engine/reference.ts';
import type { Graph } from '../../../../src/graph/graph.ts';
import type { LoadedModel } from '../../../../src/import/load-model.ts';
import type { Member, Mesh, MeshEvent } from '../../../../src/mesh/mesh.ts';
import { systemClock } from '../../../../src/mesh/system-clock.ts';
import { runSearch } from '../../../../src/planner/search-task.ts';
import type { Capabilities } from '../../../../src/protocol/messages.ts';
import { offerProfile } from '../../../../src/runtime/profile-service.ts';
import { RuntimeNode } from '../../../../src/runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../../../../src/runtime/serve-peer.ts';
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
} from '../../../../src/ui/demo/mesh-runner.ts';
import { reduceAsked, type AskedSession } from '../../../../src/ui/network-view/asked-state.ts';
import type { PageSession } from '../../../../src/ui/page-session.ts';
import { RoomSurvey } from '../../../../src/ui/room-survey.ts';
import { taughtGraph } from '../../../../src/ui/teach/feature-network.ts';
import { digitModel, wholeNetwork } from '../../../support/digit-model.ts';
import { MemoryRoom, peerIdOf, type MemoryMember } from '../../../support/memory-network.ts';
import { FakeRunner } from '../../../support/live-fakes.ts';
import { profileOf, testProfile } from '../../../support/test-profile.ts';
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

function serving(mesh: MemoryMesh): { readonly node: RuntimeNode; readonly service: PeerService } {
  const node = new RuntimeNode(mesh);
  const service = servePeer({ node, engine: createReferenceEngine(), memoryBytes: 1e9, clock: systemClock });
  // Slow enough that two are better than one, whatever the links take.
  offerProfile({ node, clock: systemClock, profile: () => Promise.resolve(profileOf(20_000)) });
  return { node, service };
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
    const others = [1, 2].map((index) => serving(new MemoryMesh(room, index, [])));
    const mesh = new MemoryMesh(room, 0, [1, 2]);
    const { node } = serving(mesh);
    const events: MeshRunEvent[] = [];
    const pages: (PageSession | undefined)[] = [];
    let asked: AskedSession | undefined;
    const random = seededRandom(3);
    const runner = roomRunner({
      mesh,
      node,
      capabilities: () => capabilitiesOf('page'),
      clock: systemClock,
      survey: new RoomSurvey({ node, clock: systemClock, transport: async () => testProfile.transport }),
      search: async (task) => runSearch(task, () => systemClock.now()),
      randomBytes: (length) => Uint8Array.from({ length }, () => random.integer(256)),
      objective: { kind: 'throughput' },
      dispatch: (event) => {
        asked = reduceAsked(asked, event);
      },
      onPage: (page) => pages.push(page),
    });
    const run = await runner.open({ model, graph, onEvent: (event) => events.push(event) });
    runs.push(run);
    return { run, events, pages, others, asked: () => asked! };
  }

  it('is planned over all devices, says what it does meanwhile, and computes what the unsplit one does', async () => {
    const model = await digitModel();
    const { run, events, pages, asked } = await open(model, model.graph);
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.step.step] : []));
    expect(steps.slice(0, 2)).toEqual(['connecting', 'planning']);
    expect(steps).toContain('loading');
    const planned = events.findLast((event) => event.type === 'planned');
    expect(planned?.type === 'planned' && planned.plan.offeredCount).toBe(3);
    const page = pages.at(-1)!;
    expect(page.graph).toBe(model.graph);
    expect(page.chosen?.reason).toBe('start');
    expect(run.window).toBe(page.session.window);
    // What views look into: the plan, and who it was chosen among.
    expect(asked()).toMatchObject({ isOpen: true, graph: model.graph, plan: page.session.plan });
    expect(asked().candidates).toHaveLength(3);

    const whole = await wholeNetwork(model, model.graph);
    const random = seededRandom(4);
    const frames = Array.from({ length: 5 }, () => Float32Array.from({ length: 1024 }, () => random.next()));
    const results = await Promise.all(frames.map((frame) => run.run([frame])));
    for (const [index, { outputs }] of results.entries()) {
      expect(compareOutputs(outputs, [await whole(frames[index]!)]).withinTolerance).toBe(true);
    }
    await run.close();
    expect(pages.at(-1)).toBeUndefined();
    expect(asked().isOpen).toBe(false);
  });

  it('goes on when a device that computes leaves, and says which', async () => {
    const model = await digitModel();
    const { run, events, pages, others } = await open(model, model.graph);
    const whole = await wholeNetwork(model, model.graph);
    const frame = new Float32Array(1024).fill(0.25);
    const right = async (): Promise<boolean> =>
      compareOutputs((await run.run([frame.slice()])).outputs, [await whole(frame)]).withinTolerance;
    expect(await right()).toBe(true);
    const computes = (peer: PeerId): boolean =>
      JSON.stringify(pages.at(-1)!.session.plan).includes(JSON.stringify(peer));
    const leaver = others.find(({ node }) => computes(node.self))!;
    await leaver.service.leave();
    await expect.poll(() => computes(leaver.node.self)).toBe(false);
    expect(events).toContainEqual({
      type: 'gone',
      name: `device ${leaver.node.self.at(-1)}`,
      how: 'leaving',
    });
    expect(await right()).toBe(true);
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
