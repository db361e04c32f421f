import { fullBox } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { compilePlan, REQUESTER, type CompiledPlan } from '../planner/compiled-plan.ts';
import { planWindow } from '../planner/plan-window.ts';
import type { Plan } from '../planner/plan.ts';
import { verifyPlan } from '../planner/verify-plan.ts';
import type { PieceMeta, PrepareWeights } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import type { SeededWeights } from '../weights/seeded-model.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { BlockService, travels, type BlockWeights } from './block-service.ts';
import { checkInputs, type FrameInput } from './frame-input.ts';
import { frameDropped, FramesInFlight, type FrameResult } from './frames-in-flight.ts';
import { LaneDealer } from '../planner/lane-dealer.ts';
import { checkLanes, checkPiece, consumerOf, pieceMeta } from './routes.ts';
import { PieceEncoder, sendPiece } from './send-piece.ts';
import type { RequestingRole, RuntimeNode, ToRequester } from './runtime-node.ts';
import { TraceCollector } from './trace/collector.ts';
import type { Trace } from './trace/trace.ts';
import type { WeightOrigins } from './room-blocks.ts';
import { storageOrders, WeightService } from './weight-service.ts';
import { WeightSweep } from './weight-sweep.ts';

export interface PreparedPeer {
  readonly peer: PeerId;
  readonly weightBytes: number;
  readonly reservedBytes: number;
  /** Where its weights came from; absent where it computed them. */
  readonly sources?: Readonly<WeightOrigins>;
}

export type SessionEvent =
  | {
      readonly type: 'loading';
      readonly peer: PeerId;
      readonly loadedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: 'ready'; readonly peer: PeerId };

export interface SessionOptions {
  readonly node: RuntimeNode;
  readonly graph: Graph;
  /** Slices are read from here and sent to the peers that ask for them. */
  readonly weights: WeightSource;
  /** Where `weights` come from a seed: peers compute their slices by themselves, and nothing is sent. */
  readonly seeded?: SeededWeights | undefined;
  /** Where `weights` lie in our own layout: peers fetch blocks from each other and from its copies. */
  readonly blocks?: BlockWeights | undefined;
  /**
   * Where `weights` keep only a little of what they have read: how far apart in it peers may be that load the same
   * tensors. Absent where reading something again costs nothing.
   */
  readonly sweepBytes?: number | undefined;
  readonly plan: Plan;
  readonly clock: Clock;
  /** Frames in flight at once, 1–64; peers reserve memory for them. The default keeps every stage of the plan busy. */
  readonly window?: number;
  /** Without any sign of progress for this long, loading peers or a frame are given up. */
  readonly stallTimeoutMs?: number;
  /** Record what every device does for every frame; see `Session.trace`. */
  readonly trace?: boolean;
  readonly onEvent?: (event: SessionEvent) => void;
}

/** A network that is spread over peers and ready for inputs. */
export interface Session {
  readonly plan: Plan;
  /** Frames that may be in flight at once. */
  readonly window: number;
  readonly peers: readonly PreparedPeer[];
  /**
   * Runs one frame: one buffer (or 8-bit picture) per graph input, row-major, untouched until the result is there. Waits, in order of the
   * calls, while the window is full. Rejects with FRAME_FAILED, FRAME_TIMEOUT, PEER_LOST, SESSION_CLOSED or
   * INPUT_INVALID; with FRAME_DROPPED when `signal` aborts first: every peer then forgets the frame.
   */
  run(inputs: readonly FrameInput[], options?: { readonly signal?: AbortSignal }): Promise<FrameResult>;
  /** What happened so far, with the option `trace`. Throws `USAGE` without it. */
  trace(): Promise<Trace>;
  close(): Promise<void>;
}

const DEFAULT_STALL_TIMEOUT_MS = 60_000;

/**
 * Deals the plan to its peers and waits until all are READY.
 * @throws PLAN_INVALID, LINK_* (a peer cannot be reached), SESSION_REFUSED or the code with which a peer refused
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  verifyPlan(options.graph, options.plan);
  const session = new RequesterSession(options);
  try {
    await session.prepare();
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

interface Preparation {
  readonly resolve: (peer: PreparedPeer) => void;
  readonly reject: (error: PeerceptronError) => void;
}

class RequesterSession implements RequestingRole, Session {
  readonly plan: Plan;
  readonly window: number;
  readonly resultSegment: number;
  peers: readonly PreparedPeer[] = [];
  readonly #options: SessionOptions;
  readonly #compiled: CompiledPlan;
  readonly #dealer: LaneDealer;
  readonly #weights: WeightService;
  readonly #blocks: BlockService | undefined;
  readonly #frames: FramesInFlight;
  readonly #trace: TraceCollector | undefined;
  readonly #preparing = new Map<PeerId, Preparation>();
  readonly #channels = new Map<PeerId, PeerChannel>();
  #stallWatch: (() => void) | undefined;
  #over: PeerceptronError | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.window = options.window ?? planWindow(options.plan);
    this.resultSegment = options.plan.segments.length;
    this.#compiled = compilePlan(options.graph, options.plan);
    this.#dealer = new LaneDealer(options.plan);
    const { weights, blocks, clock, sweepBytes } = options;
    this.#blocks = blocks && travels(blocks) ? new BlockService(blocks) : undefined;
    this.#weights = new WeightService(
      weights,
      sweepBytes === undefined
        ? undefined
        : new WeightSweep({
            compiled: this.#compiled,
            tensors: weights.tensors,
            clock,
            spanBytes: sweepBytes,
          }),
    );
    this.#frames = new FramesInFlight(this.#compiled, this.window);
    this.#trace = options.trace
      ? new TraceCollector(this.#compiled, options.node.self, options.clock)
      : undefined;
    options.node.addSession(options.plan.session, this);
  }

  async prepare(): Promise<void> {
    const { node, plan, graph } = this.#options;
    const { session, epoch } = plan;
    await Promise.all(
      this.#compiled.peers.map(async (peer) => {
        try {
          this.#channels.set(peer, await node.channel(peer));
        } catch (thrown) {
          const error = toPeerceptronError(thrown, 'LINK_LOST');
          throw new PeerceptronError(error.code, `peer ${shortId(peer)}: ${error.message}`, { cause: error });
        }
      }),
    );
    this.#touch();
    const prepared = [...this.#channels].map(
      ([peer, channel]) =>
        new Promise<PreparedPeer>((resolve, reject) => {
          this.#preparing.set(peer, { resolve, reject });
          channel.sendControl({
            type: 'prepare',
            session,
            epoch,
            graph,
            plan,
            window: this.window,
            weights: this.#announcedWeights(),
            ...(this.#trace ? { trace: true } : {}),
          });
        }),
    );
    this.peers = await Promise.all(prepared);
    this.#stallWatch?.();
    this.#trace?.begin(this.#channels);
  }

  #announcedWeights(): PrepareWeights {
    const { graph, seeded, weights } = this.#options;
    if (seeded) return { kind: 'seeded', ...seeded };
    if (!this.#blocks) return { kind: 'requester', orders: storageOrders(graph, weights.tensors) };
    const { layoutFile, urls, unfolded } = this.#options.blocks!;
    return { kind: 'origin', layout: layoutFile, urls: [...urls], unfolded };
  }

  async trace(): Promise<Trace> {
    if (this.#trace) return this.#trace.collect();
    throw new PeerceptronError('USAGE', 'this session records no trace: open it with the option trace: true');
  }

  async run(
    inputs: readonly FrameInput[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<FrameResult> {
    this.#checkOpen();
    checkInputs(this.#compiled.graph, inputs);
    const { clock, node } = this.#options;
    const trace = this.#trace?.recorder;
    const askedAt = clock.now();
    await this.#frames.admission(signal);
    this.#checkOpen();
    const lanes = this.#dealer.next();
    const startedAt = clock.now();
    const entry = this.#frames.start(lanes, startedAt, (cause) => this.#dropEverywhere(entry.frame, cause));
    this.#trace?.frameStarted(entry.frame, lanes, askedAt, startedAt);
    const drop = (): void => entry.fail(frameDropped(signal));
    signal?.addEventListener('abort', drop, { once: true });
    if (signal?.aborted) drop();
    this.#touch();
    const encoders = this.#compiled.graph.inputs.map(
      ({ shape }, index) => new PieceEncoder(inputs[index]!, fullBox(shape)),
    );
    for (const delivery of this.#compiled.deliveries(lanes, REQUESTER, 0)) {
      const index = this.#compiled.graph.inputs.findIndex(({ id }) => id === delivery.tensor);
      const encoder = encoders[index]!;
      const meta = pieceMeta(this.#compiled, entry.frame, lanes, delivery, encoder.wireCodec(delivery.codec));
      const peer = consumerOf(this.#compiled, lanes, delivery, node.self);
      const encode = (): ReturnType<PieceEncoder['encode']> =>
        encoder.encode(delivery.codec, delivery.region);
      sendPiece(this.#channels.get(peer)!, meta, encode, { signal: entry.sending.signal(), trace }).catch(
        (thrown: unknown) => entry.fail(toPeerceptronError(thrown, 'LINK_LOST')),
      );
    }
    try {
      const result = await entry.result;
      this.#trace?.frameDone(entry.frame, startedAt, result.latencyMs);
      return result;
    } finally {
      signal?.removeEventListener('abort', drop);
    }
  }

  onControl(channel: PeerChannel, message: ToRequester): void {
    const { peer } = channel;
    // Whoever is not part of the plan has no say in the session, whatever ids it has picked up.
    if (message.epoch !== this.plan.epoch || this.#channels.get(peer) !== channel) return;
    this.#touch();
    switch (message.type) {
      case 'ready': {
        const { weightBytes, reservedBytes, sources } = message;
        this.#weights.finished(peer);
        this.#preparing
          .get(peer)
          ?.resolve({ peer, weightBytes, reservedBytes, ...(sources ? { sources } : {}) });
        this.#options.onEvent?.({ type: 'ready', peer });
        return;
      }
      case 'refuse':
        this.#preparing
          .get(peer)
          ?.reject(
            new PeerceptronError(message.code, `peer ${shortId(peer)} refused the plan: ${message.message}`),
          );
        return;
      case 'loading': {
        const { loadedBytes, totalBytes } = message;
        this.#options.onEvent?.({ type: 'loading', peer, loadedBytes, totalBytes });
        return;
      }
      case 'weight-request':
        this.#weights.serve(channel, message);
        return;
      case 'block-request':
        this.#blocks?.serve(channel, message);
        return;
      case 'tile-done': {
        const { frame, segment, tile, receiveMs, computeMs } = message;
        this.#frames.tileDone(frame, { segment, tile, peer, receiveMs, computeMs });
        return;
      }
      case 'frame-failed': {
        const node = this.#compiled.graph.nodes[this.plan.segments[message.segment]?.ops[0] ?? 0];
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
        if (this.#trace) {
          this.#trace.onControl(peer, message);
          return;
        }
        throw new PeerceptronError('PROTOCOL_MALFORMED', `a '${message.type}' that nobody asked for`);
      default:
        unreachable(message);
    }
  }

  onPiece(channel: PeerChannel, meta: PieceMeta, totalBytes: number): StreamSink {
    const entry = meta.epoch === this.plan.epoch ? this.#frames.get(meta.frame) : undefined;
    if (!entry) {
      throw new PeerceptronError('STREAM_CANCELLED', `frame ${meta.frame} is no longer in flight`);
    }
    checkLanes(this.#compiled, meta.lanes);
    const same = entry.lanes.every((lane, index) => lane === meta.lanes[index]);
    if (!same) {
      throw new PeerceptronError('PROTOCOL_MALFORMED', `frame ${meta.frame} does not take these lanes`);
    }
    const pieces = this.#compiled.outputPieces(meta.lanes, meta.input);
    checkPiece(this.#compiled, pieces, meta, channel.peer, this.#options.node.self, totalBytes);
    const assembly = entry.outputs[meta.input]!;
    const trace = this.#trace?.recorder;
    const since = this.#options.clock.now();
    return {
      ...assembly.place(meta.piece, meta.codec),
      done: () => {
        this.#touch();
        const assemble = (): void => assembly.arrived(meta.piece);
        if (trace) trace.arrived(meta, since, totalBytes, assemble);
        else assemble();
        entry.outputArrived(this.#options.clock.now());
      },
      failed: (error) => entry.fail(error),
    };
  }

  onChannelClosed(peer: PeerId, cause: PeerceptronError | undefined): void {
    if (!this.#channels.has(peer)) return;
    this.#trace?.lost(peer);
    const why = cause ? `: ${cause.message}` : ' (it left)';
    this.#end(
      new PeerceptronError('PEER_LOST', `peer ${shortId(peer)} is gone${why}; start a new session`, {
        cause,
        details: { peer },
      }),
    );
  }

  async close(): Promise<void> {
    this.#end(new PeerceptronError('SESSION_CLOSED', 'the session was closed'));
    for (const channel of this.#channels.values()) {
      try {
        channel.sendControl({ type: 'end', session: this.plan.session });
      } catch {
        // The link is gone, and with it the peer's half of the session.
      }
    }
    this.#channels.clear();
    this.#options.node.removeSession(this.plan.session);
  }

  #checkOpen(): void {
    if (this.#over) throw this.#over;
  }

  #end(error: PeerceptronError): void {
    this.#over ??= error;
    this.#stallWatch?.();
    this.#weights.close();
    for (const { reject } of this.#preparing.values()) reject(error);
    this.#frames.failAll(error);
  }

  #dropEverywhere(frame: number, cause: PeerceptronError): void {
    const { session, epoch } = this.plan;
    if (cause.code === 'SESSION_CLOSED') return;
    for (const channel of this.#channels.values()) {
      try {
        channel.sendControl({ type: 'drop', session, epoch, frame });
      } catch {
        // Its loss is reported by onChannelClosed.
      }
    }
  }

  /** Something moved: the stall watch starts again, while anything is awaited. */
  #touch(): void {
    this.#stallWatch?.();
    if (this.#over) return;
    const limit = this.#options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
    this.#stallWatch = this.#options.clock.after(limit, () => {
      const seconds = Math.round(limit / 1000);
      for (const [peer, { reject }] of this.#preparing) {
        reject(
          new PeerceptronError(
            'FRAME_TIMEOUT',
            `peer ${shortId(peer)} made no progress loading for ${seconds} s`,
          ),
        );
      }
      for (const entry of this.#frames.inFlight()) {
        const waiting = this.#frames.missingTiles(entry).map(({ segment, peer }) => {
          return `segment ${segment} on peer ${shortId(peer)}`;
        });
        entry.fail(
          new PeerceptronError(
            'FRAME_TIMEOUT',
            `frame ${entry.frame} made no progress for ${seconds} s; unfinished: ${waiting.join(', ') || 'the way back'}`,
          ),
        );
      }
    });
  }
}
