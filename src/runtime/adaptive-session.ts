import { pipelinePlan } from '../planner/pipeline-plan.ts';
import { planWindow } from '../planner/plan-window.ts';
import type { Plan } from '../planner/plan.ts';
import { PeerceptronError, toPeerceptronError, type ErrorCode } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { AdaptiveSession, AdaptiveSessionEvent, AdaptiveSessionOptions } from './adaptive-options.ts';
import type { FrameInput } from './frame-input.ts';
import type { FrameResult, TileReport } from './frames-in-flight.ts';
import { Leases } from './leases.ts';
import { Outcasts } from './outcasts.ts';
import { PlanSwitch } from './plan-switch.ts';
import type { Replanned, ReplanReason } from './replan.ts';
import type { PreparedPeer, RequesterEpoch } from './requester-epoch.ts';
import { collectTrace } from './session.ts';
import { DEFAULT_STALL_TIMEOUT_MS, SessionCore } from './session-core.ts';
import { SwitchPace } from './switch-pace.ts';
import type { Trace } from './trace/trace.ts';
import { isUrgent, Wishes } from './wishes.ts';

export type { AdaptiveSession, AdaptiveSessionEvent, AdaptiveSessionOptions } from './adaptive-options.ts';

/** After this many tries in a row nothing else is tried than to compute alone. */
const MAX_TRIES = 12;
/** A plan that fails for no reason of a peer's will fail again. */
const MAX_STRIKES = 2;

/**
 * Plans, deals the plan out, and goes on doing so as devices come and go.
 * @throws PLAN_NO_PEERS where there is nobody to compute, or the reason why the last plan that was tried did not load
 */
export async function openAdaptiveSession(options: AdaptiveSessionOptions): Promise<AdaptiveSession> {
  const session = new Adaptive(options);
  try {
    await session.open();
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

class Adaptive implements AdaptiveSession {
  readonly #options: AdaptiveSessionOptions;
  readonly #core: SessionCore;
  readonly #leases: Leases;
  readonly #pace: SwitchPace;
  readonly #outcasts: Outcasts;
  readonly #plans: PlanSwitch;
  readonly #wishes: Wishes;
  readonly #known = new Set<PeerId>();
  /** Set aside, and gone from the roster since: should they come back to it, they are like those that join. */
  readonly #departed = new Set<PeerId>();
  #unsubscribe: () => void = () => undefined;
  #cancelWaiting: (() => void) | undefined;
  #isWorking = false;

  constructor(options: AdaptiveSessionOptions) {
    this.#options = options;
    const { clock, leases, switchPauseMs = 5000, joinDelayMs = 1000, onEvent } = options;
    this.#pace = new SwitchPace({ pauseMs: switchPauseMs });
    this.#outcasts = new Outcasts(clock, () => this.#rosterChanged());
    this.#core = new SessionCore(options.session, options, {
      onLoading: (peer, epoch, loadedBytes, totalBytes) =>
        onEvent?.({ type: 'loading', peer, epoch, loadedBytes, totalBytes }),
      onReady: (peer, epoch) => onEvent?.({ type: 'ready', peer, epoch }),
      onPeerLost: (peer, cause) => this.#lost(peer, cause ? `: ${cause.message}` : ' (it left)', cause),
      onLeaving: (peer) => this.#leaving(peer),
      onFailed: (epoch, error, attempts) => this.#attemptFailed(epoch, error, attempts),
      onSettled: () => this.#plans.retire(),
      onTile: (epoch, report) => this.#tileDone(epoch, report),
      onMoved: (peer) => {
        this.#leases.progress(peer);
        if (this.#core.frames.size > 0) this.#leases.watch();
      },
      onStatus: (peer, { nonce, tilesDone, busy }) => this.#leases.answered(peer, nonce, tilesDone, busy),
    });
    this.#leases = new Leases({
      ...leases,
      clock,
      debts: () =>
        this.#core.epochs.flatMap((epoch) =>
          epoch.isHealthy ? epoch.debts((...tile) => this.#plans.times(epoch)?.expected(...tile)) : [],
        ),
      ask: (peer, nonce) => {
        const epoch = this.#core.epochs.findLast(({ channels }) => channels.has(peer));
        epoch?.send(peer, { type: 'status-request', session: options.session, nonce });
      },
      onLost: (peer, why) =>
        this.#lost(peer, why === 'silent' ? ': it does not answer' : ': its engine does not get on'),
      onSlow: (peer) => {
        this.#emit({ type: 'peer-slow', peer });
        this.#wish('slow');
      },
    });
    this.#wishes = new Wishes({
      clock,
      pace: this.#pace,
      joinDelayMs,
      isBroken: () => !this.#plans.current?.isHealthy,
      onDue: () => void this.#work(),
    });
    this.#plans = new PlanSwitch({
      session: options,
      core: this.#core,
      emit: (event) => this.#emit(event),
      watch: () => this.#leases.watch(),
    });
  }

  get plan(): Plan {
    return this.#plans.last!.plan;
  }

  get window(): number {
    return this.#plans.last!.window;
  }

  get peers(): readonly PreparedPeer[] {
    return this.#plans.peers;
  }

  get pending(): number {
    return this.#core.frames.size;
  }

  get setAside(): readonly PeerId[] {
    return this.#outcasts.peers;
  }

  reconsider(): void {
    this.#wish('asked');
  }

  async open(): Promise<void> {
    this.#unsubscribe = this.#options.roster.subscribe((change) => {
      if (change.type === 'changed') this.#rosterChanged();
      else if (this.#core.epochs.some(({ channels }) => channels.has(change.peer))) {
        this.#leases.doubt(change.peer);
      }
    });
    this.#isWorking = true;
    try {
      await this.#adapt('start');
    } finally {
      this.#isWorking = false;
    }
    // Whatever has happened meanwhile.
    void this.#work();
  }

  run(
    inputs: readonly FrameInput[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<FrameResult> {
    this.#leases.watch();
    return this.#core.run(inputs, signal);
  }

  async trace(): Promise<Trace> {
    return collectTrace(this.#plans.last?.trace);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#wishes.clear();
    this.#cancelWaiting?.();
    this.#outcasts.clear();
    this.#core.close();
    this.#leases.stop();
    this.#plans.close();
  }

  #emit(event: AdaptiveSessionEvent): void {
    this.#options.onEvent?.(event);
  }

  // What happens

  #present(): PeerId[] {
    const { node, roster, computeHere } = this.#options;
    const here = node.serves || computeHere ? [node.self] : [];
    const others = roster.peers().filter((peer) => peer !== node.self);
    return [...others, ...here];
  }

  #usable(): PeerId[] {
    return this.#present().filter((peer) => !this.#outcasts.has(peer));
  }

  #noteDepartures(): void {
    const present = this.#present();
    for (const peer of this.#outcasts.peers) if (!present.includes(peer)) this.#departed.add(peer);
    for (const peer of present) if (this.#departed.delete(peer)) this.#outcasts.forgive(peer);
  }

  #rosterChanged(): void {
    if (this.#core.over) return;
    this.#noteDepartures();
    const usable = this.#usable();
    const isNew = usable.some((peer) => !this.#known.has(peer));
    for (const peer of [...this.#known]) if (!usable.includes(peer)) this.#known.delete(peer);
    if (isNew) this.#wish('peer-joined');
  }

  /** Plans do without this peer for a while; when it may be used again, it is like one that has joined. */
  #leaveOut(peer: PeerId, forMs?: number): void {
    this.#outcasts.add(peer, forMs);
    this.#known.delete(peer);
  }

  #lost(peer: PeerId, why: string, cause?: PeerceptronError): void {
    this.#leases.forget(peer);
    if (this.#core.over) return;
    this.#leaveOut(peer);
    const error = new PeerceptronError('PEER_LOST', `peer ${shortId(peer)} is gone${why}`, {
      cause,
      details: { peer },
    });
    const concerned = this.#core.epochs.filter(({ channels, isHealthy }) => isHealthy && channels.has(peer));
    if (concerned.length === 0) return;
    this.#emit({ type: 'peer-lost', peer, error });
    for (const epoch of concerned) this.#plans.break(epoch, error);
    this.#wish('peer-lost');
  }

  #leaving(peer: PeerId): void {
    this.#leaveOut(peer, Infinity);
    this.#noteDepartures();
    this.#emit({ type: 'peer-leaving', peer });
    const { preparing } = this.#plans;
    if (preparing?.compiled.peers.includes(peer)) {
      // Loading onto it is in vain.
      const why = `peer ${shortId(peer)} is leaving`;
      this.#plans.break(preparing, new PeerceptronError('PEER_LOST', why, { details: { peer } }));
    }
    this.#wish('peer-leaving');
  }

  #attemptFailed(epoch: RequesterEpoch, error: PeerceptronError, attempts: number): 'replay' | 'fail' {
    if (this.#core.over) return 'fail';
    if (!epoch.isHealthy) return 'replay';
    const code = (error.code === 'FRAME_FAILED' ? error.details['code'] : error.code) as ErrorCode;
    const isLink = code.startsWith('LINK_') || code === 'STREAM_CANCELLED' || code === 'SESSION_CLOSED';
    const isEngine = code === 'ENGINE_FAILED' || code === 'ENGINE_MEMORY';
    if (!isLink && (attempts > 2 || !(isEngine || code === 'FRAME_TIMEOUT'))) return 'fail';
    const peer = error.details['peer'] as PeerId | undefined;
    if (isEngine && peer) this.#lost(peer, `: ${error.message}`, error);
    else {
      // The peers of this epoch have been told to forget the frame: it can only be started in another one.
      this.#plans.break(epoch, error);
      this.#wish('peer-lost');
    }
    return 'replay';
  }

  #tileDone(epoch: RequesterEpoch, report: TileReport): void {
    const drift = this.#plans.times(epoch)?.add(report);
    if (drift && epoch === this.#plans.current) this.#wish(drift === 'slower' ? 'slow' : 'better');
  }

  // What is done about it

  #wish(reason: ReplanReason): void {
    if (!this.#core.over) this.#wishes.add(reason);
  }

  async #work(): Promise<void> {
    if (this.#isWorking || this.#core.over) return;
    this.#isWorking = true;
    try {
      for (let reason = this.#wishes.next(); reason && !this.#core.over; reason = this.#wishes.next()) {
        await this.#adapt(reason);
      }
    } catch (thrown) {
      this.#core.end(toPeerceptronError(thrown));
    } finally {
      this.#isWorking = false;
      if (!this.#core.over) this.#wishes.wakeUp();
    }
  }

  /** Whether something has to change, whatever it costs. */
  #mustChange(reason: ReplanReason): boolean {
    const { current } = this.#plans;
    if (reason === 'start' || !current?.isHealthy) return true;
    return reason === 'peer-leaving' && current.compiled.peers.some((peer) => this.#outcasts.has(peer));
  }

  async #adapt(reason: ReplanReason): Promise<void> {
    if (isUrgent(reason) && !this.#mustChange(reason)) return;
    let lastError: PeerceptronError | undefined;
    let strikes = 0;
    for (let tries = 0; !this.#core.over; tries += 1) {
      const needed = this.#mustChange(reason);
      if (needed) await this.#rollCall();
      const mayPlan = tries < MAX_TRIES && strikes < MAX_STRIKES;
      let planned: Replanned | undefined;
      try {
        planned = mayPlan && !this.#core.over ? await this.#ask(reason) : undefined;
      } catch (thrown) {
        lastError = toPeerceptronError(thrown);
      }
      if (this.#core.over) return;
      const chosen = planned ?? (needed ? this.#alone() : undefined);
      if (!chosen && needed) return this.#nobody(reason, lastError);
      const isWanted = needed || (chosen !== undefined && this.#isWorthIt(chosen, reason));
      if (!chosen || !isWanted) return this.#keep(reason, lastError);
      try {
        await this.#plans.to(reason, chosen, needed);
        if (!needed) this.#pace.switched(this.#options.clock.now());
        this.#settleWaiting();
        return;
      } catch (thrown) {
        lastError = toPeerceptronError(thrown);
        // Weights that are damaged or nowhere to be had are so for every device: no other plan helps at the start.
        if (reason === 'start' && lastError.code.startsWith('WEIGHTS_')) throw lastError;
        const peer = lastError.details['peer'] as PeerId | undefined;
        if (peer) this.#leaveOut(peer);
        else strikes += 1;
        if (!this.#mustChange(reason)) {
          this.#pace.switched(this.#options.clock.now());
          return this.#keep(reason, lastError);
        }
        if (!planned) return this.#nobody(reason, lastError);
      }
    }
  }

  /** Whoever does not answer is not to be planned with. */
  #rollCall(): Promise<void> {
    const peers = [...(this.#plans.current?.channels.keys() ?? [])];
    return this.#leases.rollCall(peers.filter((peer) => !this.#outcasts.has(peer)));
  }

  async #ask(reason: ReplanReason): Promise<Replanned | undefined> {
    const peers = this.#usable();
    for (const peer of peers) this.#known.add(peer);
    if (peers.length === 0) return undefined;
    const { current, nextEpoch } = this.#plans;
    return this.#options.replan({
      reason,
      peers,
      session: this.#options.session,
      epoch: nextEpoch,
      ...(current ? { current: current.plan } : {}),
      observed: this.#plans.times(current)?.observed() ?? [],
    });
  }

  #isWorthIt({ plan, gain }: Replanned, reason: ReplanReason): boolean {
    const { hysteresis = 0.1 } = this.#options;
    if (reason !== 'asked' && gain !== undefined && gain < hysteresis) return false;
    return JSON.stringify(plan.segments) !== JSON.stringify(this.#plans.current?.plan.segments);
  }

  /** The whole model on this device, where it can. */
  #alone(): Replanned | undefined {
    const { node, graph, session, computeHere } = this.#options;
    if (!node.serves && !computeHere) return undefined;
    const plan = pipelinePlan({ graph, session, epoch: 0, peers: [{ id: node.self, speed: 1 }] });
    return { plan, window: planWindow(plan) };
  }

  #keep(reason: ReplanReason, error?: PeerceptronError): void {
    this.#plans.compared();
    this.#emit({ type: 'kept', reason, ...(error ? { error } : {}) });
  }

  #nobody(reason: ReplanReason, cause: PeerceptronError | undefined): void {
    const { clock, stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS } = this.#options;
    const error =
      cause ??
      new PeerceptronError(
        reason === 'start' ? 'PLAN_NO_PEERS' : 'PEER_LOST',
        'nobody is left who could compute this network',
      );
    if (reason === 'start') throw error;
    this.#emit({ type: 'waiting', error });
    // Somebody may come (back); frames wait for that as long as they would for a peer that does not move.
    this.#cancelWaiting ??= clock.after(stallTimeoutMs, () => {
      this.#core.end(new PeerceptronError('PEER_LOST', error.message, { cause: error }));
    });
  }

  #settleWaiting(): void {
    this.#cancelWaiting?.();
    this.#cancelWaiting = undefined;
  }
}
