import type { Graph } from '../graph/graph.ts';
import type { Plan } from '../planner/plan.ts';
import { verifyPlan } from '../planner/verify-plan.ts';
import type { PieceMeta, PrepareWeights } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId, type SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import type { SeededWeights } from '../weights/seeded-model.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { BlockService, travels, type BlockWeights } from './block-service.ts';
import { checkInputs, type FrameInput } from './frame-input.ts';
import { FrameQueue } from './frame-queue.ts';
import type { FrameResult, TileReport } from './frames-in-flight.ts';
import { RequesterEpoch } from './requester-epoch.ts';
import type { RequestingRole, RuntimeNode, ToRequester } from './runtime-node.ts';
import type { TraceWish } from './trace/trace.ts';
import { storageOrders } from './weight-service.ts';

/** What every session needs, whatever decides on its plans. */
export interface SessionSource {
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
  readonly clock: Clock;
  /** Without any sign of progress for this long, loading peers or a frame are given up. */
  readonly stallTimeoutMs?: number;
  /** Record what every device does for every frame; see `Session.trace`. */
  readonly trace?: TraceWish;
}

export interface SessionCoreHooks {
  onLoading(peer: PeerId, epoch: number, loadedBytes: number, totalBytes: number): void;
  onReady(peer: PeerId, epoch: number): void;
  /** The link to a peer of a live epoch has ended. */
  onPeerLost(peer: PeerId, cause: PeerceptronError | undefined): void;
  onLeaving(peer: PeerId): void;
  onFailed(epoch: RequesterEpoch, error: PeerceptronError, attempts: number): 'replay' | 'fail';
  onSettled?(epoch: RequesterEpoch): void;
  onTile?(epoch: RequesterEpoch, report: TileReport): void;
  onMoved?(peer: PeerId): void;
  onStatus?(peer: PeerId, status: Extract<ToRequester, { type: 'status' }>): void;
}

export const DEFAULT_STALL_TIMEOUT_MS = 60_000;

/**
 * The requester's side of a session: routes what arrives to its epochs, hands out weights, holds the frames. It decides
 * nothing: which epoch is in use, and what follows from a loss, is for its owner to say.
 */
export class SessionCore implements RequestingRole {
  readonly id: SessionId;
  readonly frames: FrameQueue<RequesterEpoch>;
  readonly #source: SessionSource;
  readonly #hooks: SessionCoreHooks;
  readonly #announced: PrepareWeights;
  readonly #blocks: BlockService | undefined;
  readonly #epochs = new Map<number, RequesterEpoch>();
  #stallWatch: (() => void) | undefined;
  #over: PeerceptronError | undefined;

  constructor(id: SessionId, source: SessionSource, hooks: SessionCoreHooks) {
    this.id = id;
    this.#source = source;
    this.#hooks = hooks;
    const { node, clock, graph, seeded, weights, blocks } = source;
    this.#blocks = blocks && travels(blocks) ? new BlockService(blocks) : undefined;
    this.#announced = seeded
      ? { kind: 'seeded', ...seeded }
      : this.#blocks
        ? {
            kind: 'origin',
            layout: blocks!.layoutFile,
            urls: [...blocks!.urls],
            unfolded: blocks!.unfolded,
          }
        : { kind: 'requester', orders: storageOrders(graph, weights.tensors) };
    this.frames = new FrameQueue({
      clock,
      onFailed: (epoch, error, attempts) => hooks.onFailed(epoch, error, attempts),
      onSettled: (epoch) => hooks.onSettled?.(epoch),
    });
    node.addSession(id, this);
  }

  /** Epochs that are prepared, in use or draining. */
  get epochs(): readonly RequesterEpoch[] {
    return [...this.#epochs.values()];
  }

  get over(): PeerceptronError | undefined {
    return this.#over;
  }

  /**
   * A new epoch, not prepared yet.
   * @throws PLAN_INVALID
   */
  addEpoch(plan: Plan, window: number): RequesterEpoch {
    const { node, clock, graph, weights, sweepBytes, trace = false } = this.#source;
    verifyPlan(graph, plan);
    const hooks = this.#hooks;
    const epoch: RequesterEpoch = new RequesterEpoch({
      node,
      clock,
      graph,
      plan,
      window,
      weights,
      announced: this.#announced,
      sweepBytes,
      sameWeights: this.#epochs.size > 0,
      trace,
      events: {
        moved: (peer) => {
          this.touch();
          hooks.onMoved?.(peer);
        },
        loading: (peer, loadedBytes, totalBytes) =>
          hooks.onLoading(peer, plan.epoch, loadedBytes, totalBytes),
        ready: (peer) => hooks.onReady(peer, plan.epoch),
        tileDone: (report) => hooks.onTile?.(epoch, report),
      },
    });
    this.#epochs.set(plan.epoch, epoch);
    return epoch;
  }

  /**
   * These epochs are over: peers free what no other epoch needs, and those that no live epoch has get END. Frames that
   * are still in flight in them are for the owner to have dealt with.
   */
  removeEpochs(removed: readonly RequesterEpoch[]): void {
    const error = this.#over ?? new PeerceptronError('SESSION_CLOSED', 'this epoch is over');
    for (const epoch of removed) {
      this.#epochs.delete(epoch.number);
      epoch.finish(error);
    }
    const live = this.epochs;
    const floor = Math.min(...live.map(({ number }) => number));
    const told = new Set<PeerId>();
    for (const epoch of removed) {
      for (const peer of epoch.channels.keys()) {
        const stays = live.some(({ channels }) => channels.get(peer) === epoch.channels.get(peer));
        if (!stays) epoch.send(peer, { type: 'end', session: this.id });
        else if (epoch.number > floor) {
          epoch.send(peer, { type: 'abandon', session: this.id, epoch: epoch.number });
        } else if (!told.has(peer)) {
          told.add(peer);
          epoch.send(peer, { type: 'retire', session: this.id, floor });
        }
      }
    }
  }

  async run(inputs: readonly FrameInput[], signal: AbortSignal | undefined): Promise<FrameResult> {
    if (this.#over) throw this.#over;
    checkInputs(this.#source.graph, inputs);
    this.touch();
    return this.frames.run(inputs, signal);
  }

  onControl(channel: PeerChannel, message: ToRequester): void {
    const { peer } = channel;
    if (message.type === 'leaving' || message.type === 'status') {
      if (!this.epochs.some(({ channels }) => channels.get(peer) === channel)) return;
      if (message.type === 'leaving') this.#hooks.onLeaving(peer);
      else this.#hooks.onStatus?.(peer, message);
      return;
    }
    const epoch = this.#epochs.get(message.epoch);
    // Whoever is not part of the plan has no say in the session, whatever ids it has picked up.
    if (epoch?.channels.get(peer) !== channel) return;
    if (message.type === 'block-request') {
      this.touch();
      this.#blocks?.serve(channel, message);
      return;
    }
    epoch.onControl(channel, message);
  }

  resultSegment(epoch: number): number | undefined {
    return this.#epochs.get(epoch)?.plan.segments.length;
  }

  onPiece(channel: PeerChannel, meta: PieceMeta, totalBytes: number): StreamSink {
    const epoch = this.#epochs.get(meta.epoch);
    if (!epoch) throw new PeerceptronError('STREAM_CANCELLED', `epoch ${meta.epoch} is over`);
    return epoch.onPiece(channel, meta, totalBytes);
  }

  onChannelClosed(peer: PeerId, cause: PeerceptronError | undefined): void {
    const concerned = this.epochs.filter(({ channels }) => channels.has(peer));
    for (const { trace } of concerned) trace?.lost(peer);
    if (concerned.length > 0) this.#hooks.onPeerLost(peer, cause);
  }

  /** The session is over for this reason: nothing runs any more. What was said first stays. */
  end(error: PeerceptronError): void {
    this.#over ??= error;
    this.#stallWatch?.();
    this.frames.failAll(error);
    for (const epoch of this.epochs) {
      epoch.weights.close();
      epoch.break(error);
    }
  }

  /** Ends the session at every peer. */
  close(): void {
    this.end(new PeerceptronError('SESSION_CLOSED', 'the session was closed'));
    const channels = new Set(this.epochs.flatMap((epoch) => [...epoch.channels.values()]));
    for (const epoch of this.epochs) epoch.finish(this.#over!);
    for (const channel of channels) {
      try {
        channel.sendControl({ type: 'end', session: this.id });
      } catch {
        // The link is gone, and with it the peer's half of the session.
      }
    }
    this.#epochs.clear();
    this.#source.node.removeSession(this.id);
  }

  /** Something moved: the stall watch starts again, while anything is awaited. */
  touch(): void {
    this.#stallWatch?.();
    if (this.#over) return;
    const { clock, stallTimeoutMs: limit = DEFAULT_STALL_TIMEOUT_MS } = this.#source;
    this.#stallWatch = clock.after(limit, () => this.#stalled(limit));
  }

  /** Nothing is awaited any more. */
  rest(): void {
    this.#stallWatch?.();
  }

  #stalled(limitMs: number): void {
    const seconds = Math.round(limitMs / 1000);
    for (const epoch of this.epochs) {
      epoch.failPreparing(
        (peer) =>
          new PeerceptronError(
            'FRAME_TIMEOUT',
            `peer ${shortId(peer)} made no progress loading for ${seconds} s`,
            { details: { peer } },
          ),
      );
      for (const { entry, where } of epoch.unfinished()) {
        entry.fail(
          new PeerceptronError(
            'FRAME_TIMEOUT',
            `frame ${entry.frame} made no progress for ${seconds} s; unfinished: ${where}`,
          ),
        );
      }
    }
  }
}
