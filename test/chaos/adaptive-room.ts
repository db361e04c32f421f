import { openLocalRoom } from '../../headless/local-room.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startEngine } from '../../headless/node-engine.ts';
import { shapeSize } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { meshRoster } from '../../src/mesh/mesh-roster.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import {
  openAdaptiveSession,
  type AdaptiveSession,
  type AdaptiveSessionEvent,
} from '../../src/runtime/adaptive-session.ts';
import { runInOrder } from '../../src/runtime/frame-stream.ts';
import type { Replan } from '../../src/runtime/replan.ts';
import { servePeer } from '../../src/runtime/serve-peer.ts';
import { compareOutputs, loadWholeModel, type WholeModel } from '../../src/runtime/whole-model.ts';
import { asSessionId, type PeerId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { seededModelWeights } from '../../src/weights/seeded-model.ts';
import { startProgram, type Program } from '../support/program.ts';
import { normals } from '../support/random.ts';
import { Chain } from '../support/small-networks.ts';

/** Some 100 MMAC per frame in a dozen layers: frames take long enough to be in flight when something happens. */
function network(): Graph {
  const chain = new Chain([28, 28, 32]);
  for (let layer = 0; layer < 12; layer += 1) chain.conv(`conv${layer}`, 3, 32, 1).relu(`relu${layer}`);
  return chain.graph('a dozen layers');
}

const SEED = 5;
const KNOWN = 4;

export interface ChaosPeer {
  readonly id: PeerId;
  readonly program: Program;
}

/** A room with real peer processes and a requester in this one. */
export class ChaosRoom {
  readonly graph = network();
  readonly events: AdaptiveSessionEvent[] = [];
  readonly peers: ChaosPeer[] = [];
  readonly #undo: (() => unknown)[] = [];
  #url!: string;
  #mesh!: Mesh;
  #known: { readonly inputs: readonly Float32Array[]; readonly outputs: readonly Float32Array[] }[] = [];
  session!: AdaptiveSession;

  async start(peerCount: number): Promise<void> {
    const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'chaos' });
    this.#undo.push(() => room.server.close());
    this.#url = room.urlAt('127.0.0.1');
    await Promise.all(Array.from({ length: peerCount }, () => this.addPeer()));
    const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'requester' });
    this.#mesh = mesh;
    this.#undo.push(() => mesh.leave());
    const { engine } = await startEngine('wasm');
    this.#undo.push(() => engine.dispose());
    const seeded = { seed: SEED, unfolded: this.graph };
    const weights = seededModelWeights(seeded);
    await this.#learn(await loadWholeModel(engine, this.graph, weights));
    const roster = meshRoster(mesh);
    const unsubscribe = roster.subscribe(() => undefined);
    await until(mesh, () => roster.peers().length === peerCount);
    unsubscribe();
    this.session = await openAdaptiveSession({
      node,
      graph: this.graph,
      weights,
      seeded,
      clock: systemClock,
      session: asSessionId('c'.repeat(32)),
      roster,
      replan: this.#replan,
      computeHere: async () => servePeer({ node, engine, memoryBytes: 1e9, clock: systemClock }),
      onEvent: (event) => this.events.push(event),
    });
    this.#undo.push(() => this.session.close());
  }

  async addPeer(): Promise<ChaosPeer> {
    const args = ['join', '--json', '--engine', 'wasm', '--name', `peer-${this.peers.length + 1}`];
    const program = startProgram(args, { PEERCEPTRON_URL: this.#url });
    this.#undo.push(() => program.stop('SIGKILL'));
    const id = await program.line((line) => /"type":"joined","id":"(\w+)"/.exec(line)?.[1]);
    const peer = { id: id as PeerId, program };
    this.peers.push(peer);
    return peer;
  }

  /**
   * Streams frames through the session as long as `isOn` says so, in order, each compared with the unsplit model; calls back
   * after each. Returns how many went in, and how many came out.
   */
  async stream(
    isOn: (started: number) => boolean,
    onResult: (done: number) => void,
  ): Promise<{ readonly started: number; readonly done: number }> {
    let started = 0;
    function* source(): Generator<number> {
      while (isOn(started)) yield started++;
    }
    const inputsOf = (index: number) => this.#known[index % KNOWN]!.inputs;
    let next = 0;
    for await (const { frame, result } of runInOrder(this.session, source(), inputsOf)) {
      if (frame !== next) throw new Error(`frame ${frame} came in place of ${next}`);
      next += 1;
      const { withinTolerance } = compareOutputs(result.outputs, this.#known[frame % KNOWN]!.outputs);
      if (!withinTolerance) throw new Error(`frame ${frame} differs from the unsplit model`);
      onResult(next);
    }
    return { started, done: next };
  }

  kinds(): string[] {
    return this.events.map(({ type }) => type).filter((type) => type !== 'loading' && type !== 'ready');
  }

  /** Who computes in the plan that runs. */
  working(): Set<PeerId> {
    return new Set(
      this.session.plan.segments.flatMap(({ lanes }) =>
        lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)),
      ),
    );
  }

  async stop(): Promise<void> {
    for (const step of this.#undo.splice(0).reverse()) await step();
  }

  /** Everybody gets as much, this device only when it is alone. */
  readonly #replan: Replan = async ({ peers, session, epoch }) => {
    const others = peers.filter((peer) => peer !== this.#mesh.self);
    const used = others.length > 0 ? others : peers;
    const plan = pipelinePlan({
      graph: this.graph,
      session,
      epoch,
      peers: used.map((id) => ({ id, speed: 1 })),
    });
    return { plan, window: 2 * used.length, gain: 1 };
  };

  async #learn(whole: WholeModel): Promise<void> {
    const random = seededRandom(3);
    const { shape } = this.graph.inputs[0]!;
    for (let index = 0; index < KNOWN; index += 1) {
      const inputs = [normals(random, shapeSize(shape))];
      this.#known.push({ inputs, outputs: (await whole.run(inputs)).outputs });
    }
    await whole.dispose();
  }
}

const until = (mesh: Mesh, holds: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (!holds()) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = mesh.subscribe(look);
    look();
  });
