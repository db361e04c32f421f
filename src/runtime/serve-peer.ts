import { asSentence, type ControlMessage } from '../protocol/messages.ts';
import type { CompiledPlan } from '../planner/compiled-plan.ts';
import { partOfWork } from '../planner/plan-work.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import { EpochLoader, type EpochLoaderOptions, type PrepareMessage } from './epoch-loader.ts';
import type { PeerEpoch } from './peer-epoch.ts';
import type { ServingRole, ToPeer, WorkStreamMeta } from './runtime-node.ts';
import { PeerTrace } from './trace/peer-trace.ts';
import { PeerWeights, type WeightStore } from './peer-weights.ts';
import type { WeightOrigins } from './room-blocks.ts';
import { servedTiles, type ServeEvent } from './serve-events.ts';
import { TileRunner, trySend, type RunningSession } from './tile-runner.ts';

export type { ServedTile, ServeEvent } from './serve-events.ts';

export interface ServePeerOptions extends EpochLoaderOptions {
  readonly clock: Clock;
  /** Cache and origins of weights; without it they are kept in memory only, and come from the other members. */
  readonly weights?: WeightStore | undefined;
  readonly onEvent?: (event: ServeEvent) => void;
}

/** How long a device that is about to leave waits for its sessions to do without it. */
const LEAVE_TIMEOUT_MS = 30_000;
/** Whoever pauses waits for less: the device is wanted for something else. */
const PAUSE_TIMEOUT_MS = 10_000;

export interface PeerService {
  /**
   * Tells every requester that this device is about to leave, and takes on nothing new. What it holds it computes on;
   * resolves when every session has moved away or ended, or after `timeoutMs`.
   */
  leave(timeoutMs?: number): Promise<void>;
  /** Leaves, and ends what is still here after `timeoutMs`. Takes on nothing until `resume`, which may come in between. */
  pause(timeoutMs?: number): Promise<void>;
  /** Takes on new plans again; sessions that were told that this device leaves come back by themselves, if at all. */
  resume(): void;
  /** What plans may take from now on; those that are loaded keep what they have. */
  offerMemory(memoryBytes: number): void;
  /** The latest plan of a session that is ready here. */
  plan(session: SessionId): CompiledPlan | undefined;
  /** Ends every session here, frees their tiles. The engine stays the caller's. */
  close(): Promise<void>;
}

type EpochState =
  | { readonly state: 'loading'; readonly epoch: PeerEpoch; readonly ready: Promise<unknown> }
  | { readonly state: 'ready'; readonly epoch: PeerEpoch }
  | { readonly state: 'over' };

interface PeerSession extends RunningSession {
  readonly epochs: Map<number, EpochState>;
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
  readonly #runner: TileRunner;
  readonly #loader: EpochLoader;
  readonly #onEnded = new Set<() => void>();
  #leaving = false;

  constructor(options: ServePeerOptions) {
    this.#options = options;
    this.#loader = new EpochLoader(options);
    const { node, clock, weights: store } = options;
    const onSetAside = (session: SessionId, source: string, error: PeerceptronError): void =>
      this.#emit({ type: 'source-set-aside', session, source, error });
    this.#weights = new PeerWeights({ node, clock, store, onSetAside });
    this.#runner = new TileRunner({ node, clock, emit: (event) => this.#emit(event) });
  }

  get isLeaving(): boolean {
    return this.#leaving;
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
      case 'abandon':
      case 'drop':
      case 'status-request':
      case 'clock-request':
      case 'trace-request': {
        const session = this.#sessions.get(message.session);
        // Only its requester may end a session; a stale message is no fault.
        if (session?.channel !== channel) return;
        this.#onSession(session, message);
        return;
      }
      default:
        unreachable(message);
    }
  }

  #onSession(
    session: PeerSession,
    message: Exclude<ToPeer, { type: 'prepare' | 'weight-refused' | 'block-refused' | 'block-request' }>,
  ): void {
    switch (message.type) {
      case 'end':
        void this.#endSession(session);
        return;
      case 'retire':
        session.floor = Math.max(session.floor, message.floor);
        void this.#free(session, (number) => number < message.floor);
        return;
      case 'abandon':
        void this.#free(session, (number) => number === message.epoch);
        return;
      case 'drop':
        this.#drop(session, message.epoch, message.frame);
        return;
      case 'status-request':
        trySend(session.channel, {
          type: 'status',
          session: session.id,
          nonce: message.nonce,
          tilesDone: this.#runner.tilesDone,
          busy: this.#runner.isBusy(session),
        });
        return;
      case 'clock-request':
      case 'trace-request': {
        const state = session.epochs.get(message.epoch);
        if (state && state.state !== 'over') state.epoch.trace?.onControl(message);
        return;
      }
      default:
        unreachable(message);
    }
  }

  onStream(channel: PeerChannel, meta: WorkStreamMeta, totalBytes: number): StreamSink | Promise<StreamSink> {
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
      const room = epoch.room(meta);
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
          if (complete) this.#runner.enqueue(session, epoch, complete);
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

  async leave(timeoutMs = LEAVE_TIMEOUT_MS): Promise<void> {
    this.#leaving = true;
    for (const { id, channel } of this.#sessions.values()) trySend(channel, { type: 'leaving', session: id });
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        cancel();
        this.#onEnded.delete(look);
        resolve();
      };
      const look = (): void => {
        if (this.#sessions.size === 0) settle();
      };
      const cancel = this.#options.clock.after(timeoutMs, settle);
      this.#onEnded.add(look);
    });
  }

  async pause(timeoutMs = PAUSE_TIMEOUT_MS): Promise<void> {
    await this.leave(timeoutMs);
    if (this.#leaving) await this.#endSessions();
  }

  resume(): void {
    this.#leaving = false;
  }

  offerMemory(memoryBytes: number): void {
    this.#loader.memoryBytes = memoryBytes;
  }

  plan(session: SessionId): CompiledPlan | undefined {
    const epochs = [...(this.#sessions.get(session)?.epochs.values() ?? [])];
    const latest = epochs.findLast(({ state }) => state === 'ready');
    return latest?.state === 'ready' ? latest.epoch.compiled : undefined;
  }

  async close(): Promise<void> {
    this.#options.node.serve(undefined);
    await this.#endSessions();
  }

  async #endSessions(): Promise<void> {
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
      if (this.#leaving)
        throw new PeerceptronError('SESSION_REFUSED', 'this device is about to leave the room');
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
        part: partOfWork(epoch.compiled, this.#options.node.self),
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
          this.#ended();
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

  #drop(session: PeerSession, epoch: number, frame: number): void {
    const state = session.epochs.get(epoch);
    if (!state || state.state === 'over') return;
    state.epoch.drop(frame);
    this.#runner.drop(session, { epoch, frame });
  }

  async #free(session: PeerSession, isOver: (epoch: number) => boolean): Promise<void> {
    const over = [...session.epochs].filter(([number]) => isOver(number));
    for (const [number] of over) session.epochs.set(number, { state: 'over' });
    const epochs = over.flatMap(([, state]) => (state.state === 'over' ? [] : [state.epoch]));
    for (const epoch of epochs) this.#weights.close(epoch);
    await Promise.all(epochs.map((epoch) => this.#loader.release(epoch)));
  }

  async #endSession(session: PeerSession): Promise<void> {
    if (!this.#sessions.delete(session.id)) return;
    this.#runner.forget(session);
    await this.#free(session, () => true);
    this.#emit({ type: 'session-ended', session: session.id });
    this.#ended();
  }

  /** Whoever waits for the last session looks again. */
  #ended(): void {
    for (const look of [...this.#onEnded]) look();
  }

  #emit(event: ServeEvent): void {
    this.#options.onEvent?.(event);
  }
}

const seedOf = ({ weights }: PrepareMessage): { seed?: number } =>
  weights?.kind === 'seeded' ? { seed: weights.seed } : {};
