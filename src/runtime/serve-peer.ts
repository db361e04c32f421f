import type { TileAddress } from '../planner/compiled-plan.ts';
import { programWeightBytes } from '../planner/memory.ts';
import { asSentence, type ControlMessage, type StreamMeta } from '../protocol/messages.ts';
import { AbortGroup } from './abort-group.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import { ComputeQueue } from './compute-queue.ts';
import {
  EpochLoader,
  type EpochLoaderOptions,
  type LoadProgress,
  type PrepareMessage,
} from './epoch-loader.ts';
import { PeerEpoch, type PendingTile } from './peer-epoch.ts';
import { consumerOf, pieceMeta } from './routes.ts';
import { PieceEncoder, sendPiece } from './send-piece.ts';
import type { ServingRole, ToPeer } from './runtime-node.ts';
import { PeerTrace } from './trace/peer-trace.ts';
import { PeerWeights, type WeightStore } from './peer-weights.ts';
import type { WeightOrigins } from './room-blocks.ts';

/** What this device computes in a session, for people to see. */
export interface ServedTile extends TileAddress {
  /** Half-open, over the graph's ops. */
  readonly ops: readonly [start: number, end: number];
  readonly firstOp: string;
  readonly lastOp: string;
  readonly outputs: readonly {
    readonly tensor: string;
    readonly box: readonly (readonly [number, number])[];
  }[];
  readonly weightBytes: number;
}

export type ServeEvent =
  | ({
      readonly type: 'session-loading';
      readonly session: SessionId;
      readonly epoch: number;
      readonly model: string;
      /** Seed of random weights, where this device computes its own. */
      readonly seed?: number;
      /** Since loading began. */
      readonly elapsedMs: number;
    } & LoadProgress)
  | {
      readonly type: 'session-ready';
      readonly session: SessionId;
      readonly epoch: number;
      readonly model: string;
      readonly seed?: number;
      readonly opCount: number;
      readonly tiles: readonly ServedTile[];
    }
  /** A source of weights is given up: out of reach, not allowed, or it sent something else. */
  | {
      readonly type: 'source-set-aside';
      readonly session: SessionId;
      readonly source: string;
      readonly error: PeerceptronError;
    }
  | { readonly type: 'session-refused'; readonly session: SessionId; readonly error: PeerceptronError }
  | { readonly type: 'session-ended'; readonly session: SessionId }
  | {
      readonly type: 'tile-done';
      readonly session: SessionId;
      readonly frame: number;
      readonly segment: number;
      readonly tile: number;
      readonly computeMs: number;
    }
  | { readonly type: 'tile-failed'; readonly session: SessionId; readonly error: PeerceptronError };

export interface ServePeerOptions extends EpochLoaderOptions {
  readonly clock: Clock;
  /** Cache and origins of weights; without it they are kept in memory only, and come from the other members. */
  readonly weights?: WeightStore | undefined;
  readonly onEvent?: (event: ServeEvent) => void;
}

export interface PeerService {
  /** Ends every session here, frees their tiles. The engine stays the caller's. */
  close(): Promise<void>;
}

type EpochState =
  | { readonly state: 'loading'; readonly epoch: PeerEpoch; readonly ready: Promise<unknown> }
  | { readonly state: 'ready'; readonly epoch: PeerEpoch }
  | { readonly state: 'over' };

interface PeerSession {
  readonly id: SessionId;
  readonly channel: PeerChannel;
  readonly epochs: Map<number, EpochState>;
  /** Cancels what is being sent for a frame, or for all. */
  readonly sending: Map<number, AbortGroup>;
  floor: number;
}

/** Offers this device's engine to the room: prepares plans, computes tiles, hands their outputs on peer to peer. */
export function servePeer(options: ServePeerOptions): PeerService {
  const service = new Service(options);
  options.node.serve(service);
  return service;
}

class Service implements ServingRole, PeerService {
  readonly #options: ServePeerOptions;
  readonly #sessions = new Map<SessionId, PeerSession>();
  readonly #weights: PeerWeights;
  readonly #queue = new ComputeQueue();
  readonly #loader: EpochLoader;

  constructor(options: ServePeerOptions) {
    this.#options = options;
    this.#loader = new EpochLoader(options);
    const { node, clock, weights: store } = options;
    const onSetAside = (session: SessionId, source: string, error: PeerceptronError): void =>
      this.#emit({ type: 'source-set-aside', session, source, error });
    this.#weights = new PeerWeights({ node, clock, store, onSetAside });
  }

  onControl(channel: PeerChannel, message: ToPeer): void {
    switch (message.type) {
      case 'prepare':
        void this.#prepare(channel, message);
        return;
      case 'weight-refused':
      case 'block-refused':
      case 'block-request':
        this.#weights.onControl(channel, message);
        return;
      case 'retire':
      case 'end':
      case 'drop':
      case 'clock-request':
      case 'trace-request': {
        const session = this.#sessions.get(message.session);
        // Only its requester may end a session; a stale message is no fault.
        if (session?.channel !== channel) return;
        if (message.type === 'end') void this.#endSession(session);
        else if (message.type === 'retire') void this.#retire(session, message.floor);
        else if (message.type === 'drop') this.#drop(session, message.epoch, message.frame);
        else {
          const state = session.epochs.get(message.epoch);
          if (state && state.state !== 'over') state.epoch.trace?.onControl(message);
        }
        return;
      }
      default:
        unreachable(message);
    }
  }

  onStream(channel: PeerChannel, meta: StreamMeta, totalBytes: number): StreamSink | Promise<StreamSink> {
    if (meta.kind !== 'piece') return this.#weights.onStream(channel, meta, totalBytes);
    const session = this.#sessions.get(meta.session);
    const state = session?.epochs.get(meta.epoch);
    if (!session || !state || state.state === 'over') {
      throw new PeerceptronError(
        'SESSION_CLOSED',
        'this session or epoch is over, or was never prepared here',
      );
    }
    const open = (): StreamSink | Promise<StreamSink> => {
      const { epoch } = state;
      if (!this.#loader.isLive(epoch)) throw new PeerceptronError('SESSION_CLOSED', 'this session is over');
      const room = epoch.room(meta.frame);
      if (room) return room.then(open);
      const since = this.#options.clock.now();
      const place = epoch.announce(meta, channel.peer, totalBytes, since);
      const { trace } = epoch;
      return {
        ...place.place,
        signal: place.signal,
        done: () => {
          const complete = trace
            ? trace.recorder.arrived(meta, since, totalBytes, place.arrived)
            : place.arrived();
          if (complete) this.#enqueue(session, epoch, complete);
        },
        // The loss of the link is reported by onChannelClosed; a cancelled frame is dropped by its requester.
        failed: () => undefined,
      };
    };
    return state.state === 'ready' ? open() : state.ready.then(open);
  }

  onChannelClosed(peer: PeerId, error: PeerceptronError | undefined): void {
    this.#weights.onChannelClosed(peer, error);
    for (const session of [...this.#sessions.values()]) {
      if (session.channel.peer === peer) void this.#endSession(session);
    }
  }

  async close(): Promise<void> {
    this.#options.node.serve(undefined);
    await Promise.all([...this.#sessions.values()].map((session) => this.#endSession(session)));
  }

  async #prepare(channel: PeerChannel, message: PrepareMessage): Promise<void> {
    const { session: id, epoch: number } = message;
    const known = this.#sessions.get(id);
    let epoch: PeerEpoch | undefined;
    try {
      if (known && (known.channel !== channel || known.epochs.has(number) || number < known.floor)) {
        throw new PeerceptronError('SESSION_REFUSED', `session ${id}, epoch ${number} was prepared before`);
      }
      epoch = this.#loader.admit(message, channel.peer);
      const session = known ?? this.#newSession(id, channel);
      if (message.trace) {
        const { clock } = this.#options;
        const send = (message: ControlMessage): void => trySend(channel, message);
        epoch.trace = new PeerTrace({ session: id, epoch: number, clock, send });
      }
      const ready = this.#load(session, epoch, message);
      ready.catch(() => undefined);
      session.epochs.set(number, { state: 'loading', epoch, ready });
      const origins = await ready;
      session.epochs.set(number, { state: 'ready', epoch });
      const { graph } = epoch.compiled;
      this.#emit({
        type: 'session-ready',
        session: id,
        epoch: number,
        model: graph.name,
        ...seedOf(message),
        opCount: graph.nodes.length,
        tiles: servedTiles(epoch),
      });
      channel.sendControl({
        type: 'ready',
        session: id,
        epoch: number,
        weightBytes: EpochLoader.weightBytes(epoch),
        reservedBytes: this.#loader.reservedBytes(epoch),
        ...(origins ? { sources: { ...origins } } : {}),
      });
    } catch (thrown) {
      const error = toPeerceptronError(thrown, 'ENGINE_FAILED');
      if (epoch) {
        this.#weights.close(epoch);
        await this.#loader.release(epoch);
        const session = this.#sessions.get(id);
        session?.epochs.set(number, { state: 'over' });
        if (session && [...session.epochs.values()].every(({ state }) => state === 'over')) {
          this.#sessions.delete(id);
        }
      }
      this.#emit({ type: 'session-refused', session: id, error });
      trySend(channel, {
        type: 'refuse',
        session: id,
        epoch: number,
        code: error.code,
        message: asSentence(error.message),
      });
    }
  }

  #newSession(id: SessionId, channel: PeerChannel): PeerSession {
    const session = { id, channel, epochs: new Map(), sending: new Map(), floor: 0 };
    this.#sessions.set(id, session);
    return session;
  }

  async #load(
    session: PeerSession,
    epoch: PeerEpoch,
    message: PrepareMessage,
  ): Promise<Readonly<WeightOrigins> | undefined> {
    const { channel, id } = session;
    const { compiled } = epoch;
    const { clock } = this.#options;
    const startedMs = clock.now();
    const reader = await this.#weights.open(epoch, message, channel);
    await this.#loader.load(epoch, reader, (progress) => {
      const { loadedBytes, totalBytes } = progress;
      const on = { session: id, epoch: compiled.plan.epoch };
      trySend(channel, { type: 'loading', ...on, loadedBytes, totalBytes });
      this.#emit({
        type: 'session-loading',
        model: compiled.graph.name,
        ...seedOf(message),
        ...on,
        ...progress,
        elapsedMs: clock.now() - startedMs,
      });
    });
    return reader.origins;
  }

  #enqueue(session: PeerSession, epoch: PeerEpoch, pending: PendingTile): void {
    const { clock } = this.#options;
    const completeMs = clock.now();
    const receiveMs = completeMs - pending.since;
    this.#queue.push(session.id, pending.frame, async () => {
      const loaded = epoch.tiles.get(PeerEpoch.key(pending));
      if (!loaded || !epoch.begin(pending)) return 0;
      try {
        const { outputs, computeMs } = await loaded.run(pending.inputs.map((input) => input.buffer));
        epoch.trace?.computed(pending, { sinceMs: pending.since, completeMs, computeMs });
        const { frame, segment, tile } = pending;
        const done = { session: session.id, frame, segment, tile, computeMs };
        trySend(session.channel, { type: 'tile-done', epoch: epoch.compiled.plan.epoch, receiveMs, ...done });
        this.#emit({ type: 'tile-done', ...done });
        this.#handOn(session, epoch, pending, outputs);
        return computeMs;
      } catch (thrown) {
        this.#fail(session, epoch, pending, toPeerceptronError(thrown, 'ENGINE_FAILED'));
        return 0;
      } finally {
        epoch.ended(pending);
      }
    });
  }

  /** Sends every piece of a tile's outputs to whom it is for; sending overlaps the next tile's computing. */
  #handOn(
    session: PeerSession,
    epoch: PeerEpoch,
    pending: PendingTile,
    outputs: readonly Float32Array[],
  ): void {
    const { compiled, requester } = epoch;
    const { node, clock } = this.#options;
    const trace = epoch.trace?.recorder;
    const boxes = pending.program.outputs.map(({ box }) => box);
    const encoders = outputs.map((values, output) => new PieceEncoder(values, boxes[output]!));
    for (const delivery of compiled.deliveries(pending.lanes, pending.segment, pending.tile)) {
      const output = pending.program.outputs.findIndex(({ tensor }) => tensor === delivery.tensor);
      const meta = pieceMeta(compiled, pending.frame, pending.lanes, delivery);
      const consumer = consumerOf(compiled, pending.lanes, delivery, requester);
      const isResult = delivery.segment === compiled.plan.segments.length;
      if (consumer === node.self && !isResult) {
        const deliver = (): PendingTile | undefined =>
          epoch.deliver(meta, outputs[output]!, boxes[output]!, clock.now());
        const complete = trace ? trace.timed('assemble', meta, deliver) : deliver();
        if (complete) this.#enqueue(session, epoch, complete);
        continue;
      }
      const sending = this.#sending(session, pending.frame);
      void node
        .channel(consumer)
        .then((channel) => {
          const encode = (): ReturnType<PieceEncoder['encode']> =>
            encoders[output]!.encode(delivery.codec, delivery.region);
          return sendPiece(channel, meta, encode, { signal: sending.signal(), trace });
        })
        .catch((thrown: unknown) => {
          if (sending.aborted || epoch.isDropped(pending.frame)) return;
          this.#fail(session, epoch, pending, toPeerceptronError(thrown, 'LINK_LOST'));
        });
    }
  }

  #sending(session: PeerSession, frame: number): AbortGroup {
    let group = session.sending.get(frame);
    if (!group) {
      session.sending.set(frame, (group = new AbortGroup()));
      // Frames far behind have been sent or dropped; only recent ones can still be cancelled.
      if (session.sending.size > 256) session.sending.delete(session.sending.keys().next().value!);
    }
    return group;
  }

  #fail(session: PeerSession, epoch: PeerEpoch, pending: PendingTile, error: PeerceptronError): void {
    this.#emit({ type: 'tile-failed', session: session.id, error });
    trySend(session.channel, {
      type: 'frame-failed',
      session: session.id,
      epoch: epoch.compiled.plan.epoch,
      frame: pending.frame,
      segment: pending.segment,
      tile: pending.tile,
      code: error.code,
      message: asSentence(error.message),
    });
  }

  #drop(session: PeerSession, epoch: number, frame: number): void {
    const state = session.epochs.get(epoch);
    if (!state || state.state === 'over') return;
    this.#queue.drop(session.id, frame);
    state.epoch.drop(frame);
    session.sending.get(frame)?.abort();
    session.sending.delete(frame);
  }

  async #retire(session: PeerSession, floor: number): Promise<void> {
    session.floor = Math.max(session.floor, floor);
    const over = [...session.epochs].filter(([number]) => number < floor);
    for (const [number] of over) session.epochs.set(number, { state: 'over' });
    const epochs = over.flatMap(([, state]) => (state.state === 'over' ? [] : [state.epoch]));
    for (const epoch of epochs) this.#weights.close(epoch);
    await Promise.all(epochs.map((epoch) => this.#loader.release(epoch)));
  }

  async #endSession(session: PeerSession): Promise<void> {
    if (!this.#sessions.delete(session.id)) return;
    this.#queue.forget(session.id);
    for (const group of session.sending.values()) group.abort();
    await this.#retire(session, Number.MAX_SAFE_INTEGER);
    this.#emit({ type: 'session-ended', session: session.id });
  }

  #emit(event: ServeEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** For messages that no longer matter when the link is gone: its end is handled where it is noticed. */
function trySend(channel: PeerChannel, message: ControlMessage): void {
  try {
    channel.sendControl(message);
  } catch (error) {
    if (!(error instanceof PeerceptronError)) throw error;
  }
}

const seedOf = ({ weights }: PrepareMessage): { seed?: number } =>
  weights?.kind === 'seeded' ? { seed: weights.seed } : {};

function servedTiles(epoch: PeerEpoch): ServedTile[] {
  const { compiled, addresses } = epoch;
  return addresses.map((address) => {
    const { ops } = compiled.plan.segments[address.segment]!;
    const program = compiled.program(address.segment, address.lane, address.tile);
    return {
      ...address,
      ops,
      firstOp: compiled.graph.nodes[ops[0]]!.id,
      lastOp: compiled.graph.nodes[ops[1] - 1]!.id,
      outputs: program.outputs.map(({ tensor, box }) => ({ tensor, box })),
      weightBytes: programWeightBytes(program),
    };
  });
}
