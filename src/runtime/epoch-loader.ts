import type { Engine } from '../engine/engine.ts';
import { parseGraph } from '../graph/parse.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import { compilePlan, type TileAddress } from '../planner/compiled-plan.ts';
import { distinctWeightBytes, memoryPerPeer, programWeightBytes, sharedBytes } from '../planner/memory.ts';
import { parsePlan } from '../planner/parse-plan.ts';
import { verifyPlan } from '../planner/verify-plan.ts';
import type { ControlMessage } from '../protocol/messages.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { WORTH_COLLECTING_BYTES, type CollectGarbage } from '../shared/garbage.ts';
import type { PeerId } from '../shared/ids.ts';
import { HeldTiles } from './held-tiles.ts';
import { PeerEpoch } from './peer-epoch.ts';
import type { SliceReader } from './peer-weights.ts';
import type { RuntimeNode } from './runtime-node.ts';
import { SharedSlices } from './shared-slices.ts';

export type PrepareMessage = Extract<ControlMessage, { type: 'prepare' }>;

export interface EpochLoaderOptions {
  readonly node: RuntimeNode;
  readonly engine: Engine;
  /** Offered for weights and activations of all sessions together. */
  readonly memoryBytes: number;
  /** Called when a plan is ready, where weights came for it: what they came in, and were made of, is garbage by then. */
  readonly collectGarbage?: CollectGarbage | undefined;
}

/** Progress is told no more often than this. */
const PROGRESS_BYTES = 1e6;

/** How far a serving peer has come with a plan. */
export interface LoadProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** In the engine and warm. */
  readonly readyTiles: number;
  readonly tileCount: number;
}

/** Gets plans ready on a serving peer, within the memory that it offers. */
export class EpochLoader {
  readonly #options: EpochLoaderOptions;
  /** Live epochs, the oldest first. */
  readonly #live = new Map<PeerEpoch, { readonly needBytes: number; readonly sameWeights: boolean }>();
  readonly #tiles = new HeldTiles();
  /** Plans that are admitted from now on fit into this together with those that are there. */
  memoryBytes: number;

  constructor(options: EpochLoaderOptions) {
    this.#options = options;
    this.memoryBytes = options.memoryBytes;
  }

  /**
   * Everything that a hostile or mistaken PREPARE could get wrong, checked before anything is allocated; then its
   * memory is reserved.
   * @throws GRAPH_*, PLAN_INVALID, PLAN_MEMORY
   */
  admit(message: PrepareMessage, requester: PeerId): PeerEpoch {
    const graph = parseGraph(message.graph);
    const plan = parsePlan(message.plan);
    if (plan.session !== message.session || plan.epoch !== message.epoch) {
      throw new PeerceptronError('PLAN_INVALID', 'the plan is for another session or epoch than its PREPARE');
    }
    verifyPlan(graph, plan);
    const compiled = compilePlan(graph, plan);
    const { node, engine } = this.#options;
    const { self } = node;
    const needs = memoryPerPeer(compiled, message.window, () => engine.weightStorage);
    const needBytes = needs.get(self)?.totalBytes ?? 0;
    const epoch = new PeerEpoch(compiled, self, requester, message.window);
    const taken = this.#takenBytes();
    this.#live.set(epoch, { needBytes, sameWeights: message.sameWeights === true });
    const need = this.reservedBytes(epoch);
    if (taken + need > this.memoryBytes) {
      this.#live.delete(epoch);
      throw new PeerceptronError(
        'PLAN_MEMORY',
        `this device offers ${mega(this.memoryBytes)}, ${mega(taken)} are taken, and the plan needs ${mega(need)}`,
      );
    }
    return epoch;
  }

  /** Weights fetched (or computed), tiles loaded and warmed up, links to the consumers of this peer's tiles up. */
  async load(
    epoch: PeerEpoch,
    reader: SliceReader,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<void> {
    const { compiled, addresses } = epoch;
    const totalBytes = EpochLoader.weightBytes(epoch);
    let loadedBytes = 0;
    let toldBytes = 0;
    let readyTiles = 0;
    const report = (): void =>
      onProgress({ loadedBytes, totalBytes, readyTiles, tileCount: addresses.length });
    report();
    const loaded = (sizeBytes: number): void => {
      // Blocks may hold more than the slices that are made of them.
      loadedBytes = Math.min(totalBytes, loadedBytes + sizeBytes);
      if (loadedBytes < totalBytes && loadedBytes - toldBytes < PROGRESS_BYTES) return;
      toldBytes = loadedBytes;
      report();
    };
    const dialled = this.#dialConsumers(epoch);
    // Awaited below; until then its failure must not count as unhandled.
    dialled.catch(() => undefined);
    const held = this.#before(epoch).flatMap((older) => [...older.tiles.values()]);
    const waiting: TileAddress[] = [];
    for (const address of addresses) {
      const program = compiled.program(address.segment, address.lane, address.tile);
      const tile = this.#tiles.share(program, held);
      if (!tile) {
        waiting.push(address);
        continue;
      }
      epoch.tiles.set(PeerEpoch.key(address), tile);
      readyTiles += 1;
      loaded(programWeightBytes(program));
    }
    const read = this.#tiles.reader(held, (name, box) => reader.read(name, box, loaded), loaded);
    const programs = waiting.map(({ segment, lane, tile }) => compiled.program(segment, lane, tile));
    const slices = new SharedSlices(programs, read);
    for (const address of waiting) {
      const program = compiled.program(address.segment, address.lane, address.tile);
      const weights = await Promise.all(program.weights.map(({ name, box }) => slices.take(name, box)));
      this.#checkLive(epoch);
      const tile = await this.#options.engine.load(program, weights);
      if (this.isLive(epoch)) {
        this.#tiles.add(tile, program);
        epoch.tiles.set(PeerEpoch.key(address), tile);
      } else await tile.dispose();
      readyTiles += 1;
      report();
    }
    const cameBytes = programs.reduce((sum, program) => sum + programWeightBytes(program), 0);
    if (cameBytes >= WORTH_COLLECTING_BYTES) this.#options.collectGarbage?.();
    await dialled;
    this.#checkLive(epoch);
  }

  /** Still wanted: neither retired nor failed. */
  isLive(epoch: PeerEpoch): boolean {
    return this.#live.has(epoch);
  }

  /** What this epoch takes beside the older ones of its session: what they hold of its weights is not counted again. */
  reservedBytes(epoch: PeerEpoch): number {
    const live = this.#live.get(epoch);
    if (!live) return 0;
    const held = this.#before(epoch).flatMap((older) => EpochLoader.#programs(older));
    const shared =
      held.length > 0
        ? sharedBytes(EpochLoader.#programs(epoch), held, this.#options.engine.weightStorage)
        : 0;
    return Math.max(0, live.needBytes - shared);
  }

  async release(epoch: PeerEpoch): Promise<void> {
    this.#live.delete(epoch);
    // An engine that has died has nothing left to free.
    await Promise.all(epoch.close().map((tile) => this.#tiles.release(tile).catch(() => undefined)));
  }

  /** What this peer holds of the model: slices that several of its tiles share count once. */
  static weightBytes(epoch: PeerEpoch): number {
    return distinctWeightBytes(EpochLoader.#programs(epoch));
  }

  static #programs({ compiled, addresses }: PeerEpoch): TileProgram[] {
    return addresses.map(({ segment, lane, tile }) => compiled.program(segment, lane, tile));
  }

  #takenBytes(): number {
    return [...this.#live.keys()].reduce((sum, epoch) => sum + this.reservedBytes(epoch), 0);
  }

  /** Older epochs whose weights this one may use again. */
  #before(epoch: PeerEpoch): PeerEpoch[] {
    if (!this.#live.get(epoch)?.sameWeights) return [];
    const epochs = [...this.#live.keys()];
    return epochs
      .slice(0, epochs.indexOf(epoch))
      .filter(
        ({ compiled, requester }) =>
          compiled.plan.session === epoch.compiled.plan.session && requester === epoch.requester,
      );
  }

  #checkLive(epoch: PeerEpoch): void {
    if (this.isLive(epoch)) return;
    throw new PeerceptronError('SESSION_CLOSED', 'the session ended while its plan was being prepared');
  }

  /** Connections are made where the plan needs them, before READY, so that the first frame finds them up. */
  async #dialConsumers({ compiled, addresses, requester }: PeerEpoch): Promise<void> {
    const { node } = this.#options;
    const { segments } = compiled.plan;
    const consumers = new Set<PeerId>();
    for (const { segment: made } of addresses) {
      const nodes = compiled.graph.nodes.slice(...segments[made]!.ops);
      const tensors = new Set(nodes.map(({ id }) => id));
      for (const [index, { lanes }] of segments.entries()) {
        if (index <= made) continue;
        for (const [lane, { tiles }] of lanes.entries()) {
          for (const [tile, { peer }] of tiles.entries()) {
            if (consumers.has(peer) || peer === node.self || peer === requester) continue;
            const { inputs } = compiled.program(index, lane, tile);
            if (inputs.some(({ tensor }) => tensors.has(tensor))) consumers.add(peer);
          }
        }
      }
    }
    await Promise.all([...consumers].map((peer) => node.channel(peer)));
  }
}

const mega = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
