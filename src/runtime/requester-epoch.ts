import { fullBox } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { compilePlan, REQUESTER, type CompiledPlan } from '../planner/compiled-plan.ts';
import type { Plan } from '../planner/plan.ts';
import type { ControlMessage, PieceMeta, PrepareWeights } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import type { FrameEpoch, StartedFrame } from './frame-queue.ts';
import { FramesInFlight, type FrameEntry, type TileReport } from './frames-in-flight.ts';
import { LaneDealer } from '../planner/lane-dealer.ts';
import { frameDebts } from './frame-debts.ts';
import type { Debt } from './leases.ts';
import type { WeightOrigins } from './room-blocks.ts';
import { checkLanes, checkPiece, consumerOf, pieceMeta } from './routes.ts';
import type { RuntimeNode, ToRequester } from './runtime-node.ts';
import { PieceEncoder, sendPiece } from './send-piece.ts';
import type { ExpectedMs } from './tile-times.ts';
import { TraceCollector } from './trace/collector.ts';
import type { TraceWish } from './trace/trace.ts';
import { WeightService } from './weight-service.ts';
import { WeightSweep } from './weight-sweep.ts';

export interface PreparedPeer {
  readonly peer: PeerId;
  readonly weightBytes: number;
  readonly reservedBytes: number;
  /** Where its weights came from; absent where it computed them. */
  readonly sources?: Readonly<WeightOrigins>;
}

export type EpochMessage = Extract<ToRequester, { epoch: number }>;

export interface RequesterEpochOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  readonly graph: Graph;
  readonly plan: Plan;
  readonly window: number;
  readonly weights: WeightSource;
  /** How peers come to their slices, as PREPARE says it. */
  readonly announced: PrepareWeights;
  /** See `SessionOptions`. */
  readonly sweepBytes?: number | undefined;
  /** Peers may use slices of earlier epochs again. */
  readonly sameWeights: boolean;
  readonly trace: TraceWish;
  readonly events: {
    /** Something of this epoch moved. */
    moved(peer: PeerId): void;
    loading(peer: PeerId, loadedBytes: number, totalBytes: number): void;
    ready(peer: PeerId): void;
    tileDone(report: TileReport): void;
  };
}

interface Preparation {
  readonly sinceMs: number;
  readonly resolve: (peer: PreparedPeer) => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** One plan of a session at its requester: its peers, getting them ready, and the frames that are in flight through it. */
export class RequesterEpoch implements FrameEpoch {
  readonly plan: Plan;
  readonly window: number;
  readonly compiled: CompiledPlan;
  readonly weights: WeightService;
  readonly trace: TraceCollector | undefined;
  readonly channels = new Map<PeerId, PeerChannel>();
  peers: readonly PreparedPeer[] = [];
  readonly #options: RequesterEpochOptions;
  readonly #dealer: LaneDealer;
  readonly #frames: FramesInFlight;
  readonly #preparing = new Map<PeerId, Preparation>();
  #broken: PeerceptronError | undefined;
  #over = false;
  /** Ends what `prepare` waits for. */
  #giveUp: (error: PeerceptronError) => void = () => undefined;

  constructor(options: RequesterEpochOptions) {
    const { graph, plan, window, weights, clock, node, sweepBytes } = options;
    this.#options = options;
    this.plan = plan;
    this.window = window;
    this.compiled = compilePlan(graph, plan);
    this.#dealer = new LaneDealer(plan, window);
    this.#frames = new FramesInFlight(this.compiled);
    const sweep =
      sweepBytes === undefined
        ? undefined
        : new WeightSweep({
            compiled: this.compiled,
            tensors: weights.tensors,
            clock,
            spanBytes: sweepBytes,
          });
    this.weights = new WeightService(weights, sweep);
    const { trace } = options;
    const lastFrames = typeof trace === 'object' ? trace.lastFrames : undefined;
    this.trace = trace ? new TraceCollector(this.compiled, node.self, clock, lastFrames) : undefined;
  }

  get number(): number {
    return this.plan.epoch;
  }

  get inFlight(): number {
    return this.#frames.size;
  }

  get isHealthy(): boolean {
    return !this.#broken && !this.#over;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /**
   * Resolves when every peer is READY. Rejects with the first reason why not; `details.peer` says whose.
   * @throws LINK_* (a peer cannot be reached), or the code with which a peer refused
   */
  async prepare(): Promise<void> {
    const givenUp = new Promise<never>((_, reject) => (this.#giveUp = reject));
    givenUp.catch(() => undefined);
    if (this.#broken) throw this.#broken;
    await Promise.race([Promise.all(this.compiled.peers.map((peer) => this.#connect(peer))), givenUp]);
    const prepared = Promise.all([...this.channels].map(([peer, channel]) => this.#prepareAt(peer, channel)));
    this.peers = await Promise.race([prepared, givenUp]);
    this.trace?.begin(this.channels);
  }

  async #connect(peer: PeerId): Promise<void> {
    try {
      this.channels.set(peer, await this.#options.node.channel(peer));
    } catch (thrown) {
      const error = toPeerceptronError(thrown, 'LINK_LOST');
      throw new PeerceptronError(error.code, `peer ${shortId(peer)}: ${error.message}`, {
        cause: error,
        details: { peer },
      });
    }
  }

  #prepareAt(peer: PeerId, channel: PeerChannel): Promise<PreparedPeer> {
    const { clock, graph, plan, window, announced, sameWeights } = this.#options;
    return new Promise<PreparedPeer>((resolve, reject) => {
      this.#preparing.set(peer, { sinceMs: clock.now(), resolve, reject });
      channel.sendControl({
        type: 'prepare',
        session: plan.session,
        epoch: plan.epoch,
        graph,
        plan,
        window,
        weights: announced,
        ...(this.trace ? { trace: true } : {}),
        ...(sameWeights ? { sameWeights: true } : {}),
      });
    });
  }

  /** Deals the frame to lanes and sends the pieces of its inputs. */
  start({ id, inputs, askedAt, startedAt }: StartedFrame): FrameEntry {
    const { node } = this.#options;
    const { compiled } = this;
    const trace = this.trace?.recorder;
    const lanes = this.#dealer.next((segment, lane) => this.#frames.waiting(segment, lane));
    const entry = this.#frames.start(id, lanes, startedAt, () => this.#dropEverywhere(id));
    this.trace?.frameStarted(id, lanes, askedAt, startedAt);
    const encoders = compiled.graph.inputs.map(
      ({ shape }, index) => new PieceEncoder(inputs[index]!, fullBox(shape)),
    );
    for (const delivery of compiled.deliveries(lanes, REQUESTER, 0)) {
      const index = compiled.graph.inputs.findIndex(({ id }) => id === delivery.tensor);
      const encoder = encoders[index]!;
      const meta = pieceMeta(compiled, id, lanes, delivery, encoder.wireCodec(delivery.codec));
      const peer = consumerOf(compiled, lanes, delivery, node.self);
      const encode = (): ReturnType<PieceEncoder['encode']> =>
        encoder.encode(delivery.codec, delivery.region);
      sendPiece(this.channels.get(peer)!, meta, encode, { signal: entry.sending.signal(), trace }).catch(
        (thrown: unknown) => entry.fail(toPeerceptronError(thrown, 'LINK_LOST')),
      );
    }
    entry.result.then(
      ({ latencyMs }) => this.trace?.frameDone(id, startedAt, latencyMs),
      () => undefined,
    );
    return entry;
  }

  /** What a peer of this epoch says. */
  onControl(channel: PeerChannel, message: EpochMessage): void {
    const { peer } = channel;
    const { events, clock } = this.#options;
    if (message.type !== 'clock' && message.type !== 'trace') events.moved(peer);
    switch (message.type) {
      case 'ready': {
        const { weightBytes, reservedBytes, sources } = message;
        this.weights.finished(peer);
        this.#preparing
          .get(peer)
          ?.resolve({ peer, weightBytes, reservedBytes, ...(sources ? { sources } : {}) });
        this.#preparing.delete(peer);
        events.ready(peer);
        return;
      }
      case 'refuse':
        this.#preparing.get(peer)?.reject(
          new PeerceptronError(message.code, `peer ${shortId(peer)} refused the plan: ${message.message}`, {
            details: { peer, refused: true },
          }),
        );
        this.#preparing.delete(peer);
        return;
      case 'loading':
        events.loading(peer, message.loadedBytes, message.totalBytes);
        return;
      case 'weight-request':
        this.weights.serve(channel, message);
        return;
      case 'block-request':
        // One store of blocks serves all epochs; the session has it.
        return;
      case 'tile-done': {
        const { frame, segment, tile, receiveMs, computeMs } = message;
        const report = { segment, tile, peer, receiveMs, computeMs, atMs: clock.now() };
        const known = this.#frames.tileDone(frame, report);
        if (known) events.tileDone(known);
        return;
      }
      case 'frame-failed': {
        const node = this.compiled.graph.nodes[this.plan.segments[message.segment]?.ops[0] ?? 0];
        const where = `peer ${shortId(peer)}, segment ${message.segment} (from op '${node?.id ?? '?'}')`;
        this.#frames.get(message.frame)?.fail(
          new PeerceptronError('FRAME_FAILED', `${where}: ${message.message}`, {
            details: { code: message.code, peer },
          }),
        );
        return;
      }
      case 'clock':
      case 'trace':
        if (this.trace) {
          this.trace.onControl(peer, message);
          return;
        }
        throw new PeerceptronError('PROTOCOL_MALFORMED', `a '${message.type}' that nobody asked for`);
      default:
        unreachable(message);
    }
  }

  /** A piece of the result. */
  onPiece(channel: PeerChannel, meta: PieceMeta, totalBytes: number): StreamSink {
    const { clock, node, events } = this.#options;
    const entry = this.#frames.get(meta.frame);
    if (!entry) {
      throw new PeerceptronError('STREAM_CANCELLED', `frame ${meta.frame} is no longer in flight`);
    }
    checkLanes(this.compiled, meta.lanes);
    const same = entry.lanes.every((lane, index) => lane === meta.lanes[index]);
    if (!same) {
      throw new PeerceptronError('PROTOCOL_MALFORMED', `frame ${meta.frame} does not take these lanes`);
    }
    const pieces = this.compiled.outputPieces(meta.lanes, meta.input);
    checkPiece(this.compiled, pieces, meta, channel.peer, node.self, totalBytes);
    const assembly = entry.outputs[meta.input]!;
    const trace = this.trace?.recorder;
    const since = clock.now();
    return {
      ...assembly.place(meta.piece, meta.codec),
      done: () => {
        events.moved(channel.peer);
        const assemble = (): void => assembly.arrived(meta.piece);
        if (trace) trace.arrived(meta, since, totalBytes, assemble);
        else assemble();
        entry.outputArrived(clock.now());
        if (this.#broken) this.#finishComplete(this.#broken);
      },
      failed: (error) => entry.fail(error),
    };
  }

  /** Nothing that needs one of the lost peers will come any more; frames that are complete do not wait for its reports. */
  break(error: PeerceptronError): void {
    this.#broken ??= error;
    this.#rejectPreparing(error);
    this.#finishComplete(error);
  }

  /** This epoch is not used any more: nothing is sent for it, not even DROP. */
  finish(error: PeerceptronError): void {
    this.#over = true;
    this.#rejectPreparing(error);
    this.weights.close();
    this.#frames.failAll(error);
  }

  /** `error` of each peer that is not ready yet. */
  failPreparing(error: (peer: PeerId) => PeerceptronError): void {
    for (const [peer, { reject }] of this.#preparing) reject(error(peer));
    this.#preparing.clear();
  }

  /** For each frame in flight, the tiles that are not done: for people who ask why nothing moves. */
  unfinished(): { readonly entry: FrameEntry; readonly where: string }[] {
    return this.#frames.inFlight().map((entry) => {
      const waiting = this.#frames.missingTiles(entry).map(({ segment, peer }) => {
        return `segment ${segment} on peer ${shortId(peer)}`;
      });
      return { entry, where: waiting.join(', ') || 'the way back' };
    });
  }

  /** Who owes something in this epoch: a peer that is loading, and whoever holds up a frame. */
  debts(expectedMs: ExpectedMs): Debt[] {
    const loading = [...this.#preparing].map(([peer, { sinceMs }]): Debt => {
      return { peer, sinceMs, expectedMs: undefined, upstream: [] };
    });
    const { compiled } = this;
    const frames = this.#frames;
    return [
      ...loading,
      ...frames.inFlight().flatMap((entry) => frameDebts({ compiled, frames, entry, expectedMs })),
    ];
  }

  send(peer: PeerId, message: ControlMessage): void {
    try {
      this.channels.get(peer)?.sendControl(message);
    } catch {
      // Its loss is reported by onChannelClosed.
    }
  }

  #rejectPreparing(error: PeerceptronError): void {
    this.#giveUp(error);
    this.failPreparing(() => error);
  }

  #finishComplete(error: PeerceptronError): void {
    for (const entry of this.#frames.inFlight()) {
      if (entry.outputs.every((output) => output.complete)) entry.fail(error);
    }
  }

  #dropEverywhere(frame: number): void {
    if (this.#over) return;
    const { session, epoch } = this.plan;
    for (const peer of this.channels.keys()) this.send(peer, { type: 'drop', session, epoch, frame });
  }
}
