import type { Engine, LoadedTile } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { shapeSize } from '../../../src/graph/box.ts';
import type { TileProgram } from '../../../src/graph/tile-program.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import {
  openAdaptiveSession,
  type AdaptiveSessionEvent,
  type AdaptiveSessionOptions,
} from '../../../src/runtime/adaptive-session.ts';
import type { PeerRoster, Replan, RosterChange, Situation } from '../../../src/runtime/replan.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../../../src/runtime/serve-peer.ts';
import type { AdaptiveSession } from '../../../src/runtime/adaptive-session.ts';
import { compareOutputs, loadWholeModel, type WholeModel } from '../../../src/runtime/whole-model.ts';
import type { PeerceptronError } from '../../../src/shared/errors.ts';
import { asSessionId, type PeerId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { normals } from '../../support/random.ts';
import { Chain } from '../../support/small-networks.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';

/** Small, and long enough to be cut in many places. */
export const graph = new Chain([8, 8, 2])
  .conv('c1', 3, 4, 1)
  .relu('r1')
  .conv('c2', 3, 4, 1)
  .relu('r2')
  .conv('c3', 3, 4, 1)
  .relu('r3')
  .dense('fc', 5)
  .graph('adaptive');
const random = seededRandom(23);
export const weights = memorySource(
  [...weightShapes(graph)].map(([name, shape]) => ({
    name,
    shape,
    data: normals(random, shapeSize(shape), 0.3),
  })),
);
export const newFrame = (): Float32Array[] => [normals(random, shapeSize(graph.inputs[0]!.shape))];

/** One device: its engine can be held, and what it says or hears can be kept back, as when its process is stopped. */
export class Device {
  readonly node: RuntimeNode;
  readonly engine: Engine;
  service: PeerService | undefined;
  runs = 0;
  /** What it says that a tile takes. */
  computeMs: number | ((program: TileProgram) => number) = 5;
  /** What its engine throws. */
  failure: PeerceptronError | undefined;
  loads = 0;
  /** Resolved tiles wait for this. */
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  #frozen = false;
  readonly #late: (() => void)[] = [];

  constructor(world: AdaptiveWorld, index: number) {
    const member = world.room.join(peerIdOf(index));
    const inner = createReferenceEngine();
    this.engine = {
      ...inner,
      name: 'held',
      load: async (program, slices): Promise<LoadedTile> => {
        this.loads += 1;
        const loaded = await inner.load(program, slices);
        return {
          ...loaded,
          run: async (inputs) => {
            this.runs += 1;
            await this.#gate;
            if (this.failure) throw this.failure;
            const { outputs } = await loaded.run(inputs);
            const { computeMs } = this;
            return { outputs, computeMs: typeof computeMs === 'number' ? computeMs : computeMs(program) };
          },
        };
      },
    };
    // Between the network and the node: what arrives while the device is frozen is kept.
    const freezable = {
      self: member.self,
      channel: (peer: PeerId) => member.channel(peer),
      set onChannel(handler: ((channel: PeerChannel) => void) | undefined) {
        member.onChannel = handler;
      },
    };
    this.node = new RuntimeNode(freezable);
    const { node } = this;
    const serve = node.serve.bind(node);
    node.serve = (role) =>
      serve(
        role && {
          onControl: (channel, message) => this.#whenAwake(() => role.onControl(channel, message)),
          onStream: (channel, meta, totalBytes) => {
            if (!this.#frozen) return role.onStream(channel, meta, totalBytes);
            return new Promise((resolve, reject) =>
              this.#late.push(() => {
                void (async () => role.onStream(channel, meta, totalBytes))().then(resolve, reject);
              }),
            );
          },
          onChannelClosed: (peer, error) => role.onChannelClosed(peer, error),
        },
      );
  }

  serve(world: AdaptiveWorld, memoryBytes = 1e9): this {
    const { node, engine } = this;
    this.service = servePeer({ node, engine, memoryBytes, clock: world.clock });
    return this;
  }

  /** The engine does not finish a tile until `release`. */
  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#open();
    this.#gate = Promise.resolve();
  }

  /** Like SIGSTOP: the link stays up, and nothing is answered. */
  freeze(): void {
    this.#frozen = true;
    this.hold();
  }

  thaw(): void {
    this.#frozen = false;
    for (const deliver of this.#late.splice(0)) deliver();
    this.release();
  }

  #whenAwake(deliver: () => void): void {
    if (this.#frozen) this.#late.push(deliver);
    else deliver();
  }
}

export class FakeRoster implements PeerRoster {
  readonly #listeners = new Set<(change: RosterChange) => void>();
  list: PeerId[];

  constructor(indexes: readonly number[]) {
    this.list = indexes.map(peerIdOf);
  }

  peers(): readonly PeerId[] {
    return this.list;
  }

  subscribe(listener: (change: RosterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(indexes: readonly number[]): void {
    this.list = indexes.map(peerIdOf);
    this.tell({ type: 'changed' });
  }

  tell(change: RosterChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

/** A requester (device 0) and serving devices 1…n on one clock that stands still. */
export class AdaptiveWorld {
  readonly clock = new FakeClock();
  readonly room = new MemoryRoom();
  readonly devices: Device[];
  readonly roster: FakeRoster;
  readonly events: AdaptiveSessionEvent[] = [];
  readonly situations: Situation[] = [];
  readonly whole: Promise<WholeModel> = loadWholeModel(createReferenceEngine(), graph, weights);
  /** All peers in a pipeline, without this device as long as there is another. */
  replan: Replan = async ({ peers, session, epoch }) => {
    const others = peers.filter((peer) => peer !== peerIdOf(0));
    const used = others.length > 0 ? others : peers;
    const plan = pipelinePlan({ graph, session, epoch, peers: used.map((id) => ({ id, speed: 1 })) });
    return { plan, window: 4, gain: 0.5 };
  };

  constructor(count: number, present = count) {
    this.devices = Array.from({ length: count + 1 }, (_, index) => new Device(this, index));
    for (const device of this.devices.slice(1)) device.serve(this);
    this.roster = new FakeRoster(Array.from({ length: present }, (_, index) => index + 1));
  }

  get requester(): Device {
    return this.devices[0]!;
  }

  open(options: Partial<AdaptiveSessionOptions> = {}): Promise<AdaptiveSession> {
    return openAdaptiveSession({
      node: this.requester.node,
      graph,
      weights,
      clock: this.clock,
      session: asSessionId('a'.repeat(32)),
      roster: this.roster,
      replan: (situation) => {
        this.situations.push(situation);
        return this.replan(situation);
      },
      computeHere: async () => this.requester.serve(this),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  kinds(): string[] {
    return this.events.map(({ type }) => type).filter((type) => type !== 'loading' && type !== 'ready');
  }

  /** Time passes until the promise has settled. */
  async until<T>(promise: Promise<T>, limitMs = 200_000): Promise<T> {
    let isSettled = false;
    promise.then(
      () => (isSettled = true),
      () => (isSettled = true),
    );
    await settle();
    for (let spentMs = 0; !isSettled; spentMs += 50) {
      if (spentMs > limitMs)
        throw new Error(`nothing came of it in ${limitMs} ms: ${this.kinds().join(' ')}`);
      await this.clock.advance(50);
    }
    return promise;
  }

  async expectRight(inputs: readonly Float32Array[], outputs: readonly Float32Array[]): Promise<boolean> {
    const expected = await (await this.whole).run(inputs);
    return compareOutputs(outputs, expected.outputs).withinTolerance;
  }
}
