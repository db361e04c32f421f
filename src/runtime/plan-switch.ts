import type { Plan } from '../planner/plan.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import type { AdaptiveSessionEvent, AdaptiveSessionOptions } from './adaptive-options.ts';
import type { Replanned, ReplanReason } from './replan.ts';
import type { PreparedPeer, RequesterEpoch } from './requester-epoch.ts';
import { noOrigins, sumOrigins, type WeightOrigins } from './room-blocks.ts';
import type { SessionCore } from './session-core.ts';
import { TileTimes } from './tile-times.ts';

export interface PlanSwitchOptions {
  readonly session: AdaptiveSessionOptions;
  readonly core: SessionCore;
  readonly emit: (event: AdaptiveSessionEvent) => void;
  /** Something is owed from now on. */
  readonly watch: () => void;
}

/**
 * Takes a session from plan to plan. The next one is loaded while frames go on in the current one; when all of its peers are
 * ready, new frames take it, those in flight are finished where they are, and then the old one is retired. Frames of an epoch that
 * has lost a peer are started again in the new one.
 */
export class PlanSwitch {
  readonly #options: PlanSwitchOptions;
  readonly #times = new Map<RequesterEpoch, TileTimes>();
  readonly #drained: (() => void)[] = [];
  #current: RequesterEpoch | undefined;
  /** The last one that was in use, also while there is none. */
  #last: RequesterEpoch | undefined;
  #preparing: RequesterEpoch | undefined;
  #nextEpoch = 0;
  #startingHere: Promise<unknown> | undefined;
  /** Of every plan that was loaded: what a peer keeps from one to the next it has had from somewhere. */
  readonly #sources = new Map<PeerId, WeightOrigins>();

  constructor(options: PlanSwitchOptions) {
    this.#options = options;
  }

  /** Where new frames go; it may have lost a peer. */
  get current(): RequesterEpoch | undefined {
    return this.#current;
  }

  get last(): RequesterEpoch | undefined {
    return this.#last;
  }

  /** Those of the last plan in use. Their weights came from where they came from over all plans. */
  get peers(): readonly PreparedPeer[] {
    return (this.#last?.peers ?? []).map((prepared) => {
      const sources = this.#sources.get(prepared.peer);
      return sources ? { ...prepared, sources } : prepared;
    });
  }

  get preparing(): RequesterEpoch | undefined {
    return this.#preparing;
  }

  get nextEpoch(): number {
    return this.#nextEpoch;
  }

  times(epoch: RequesterEpoch | undefined): TileTimes | undefined {
    return epoch && this.#times.get(epoch);
  }

  /** Plans have been compared: see `TileTimes.compared`. */
  compared(): void {
    for (const times of this.#times.values()) times.compared();
  }

  /**
   * Loads the plan and goes over to it. Throws the reason why it does not load; the current plan is still there then, unless
   * the new one was `needed` and did not fit beside it.
   */
  async to(reason: ReplanReason, chosen: Replanned, needed: boolean): Promise<void> {
    const { core, emit } = this.#options;
    emit({ type: 'switching', reason, plan: chosen.plan });
    try {
      this.#adopt(reason, await this.#prepare(chosen));
    } catch (thrown) {
      const error = toPeerceptronError(thrown);
      const old = this.#current;
      const isMemory = error.code === 'PLAN_MEMORY' || error.code === 'ENGINE_MEMORY';
      if (!isMemory || !old || core.over) throw error;
      emit({ type: 'pausing', reason, plan: chosen.plan, error });
      await this.#inPlaceOf(old, reason, chosen, needed);
    }
  }

  /** This epoch has lost a peer, or must not be used any more. What was draining in it is started again in the current one. */
  break(epoch: RequesterEpoch, error: PeerceptronError): void {
    epoch.break(error);
    this.#wakeDrained();
    if (epoch !== this.#current && this.#current?.isHealthy) this.#options.core.frames.use(this.#current);
  }

  /** Lets go of epochs that nothing is in flight in any more, or of which nothing is to be expected. */
  retire(): void {
    this.#wakeDrained();
    const done = this.#options.core.epochs.filter(
      (epoch) =>
        epoch !== this.#current &&
        epoch !== this.#preparing &&
        (epoch.inFlight === 0 || (!epoch.isHealthy && this.#current?.isHealthy === true)),
    );
    if (done.length > 0) this.#remove(done);
  }

  close(): void {
    this.#wakeDrained();
  }

  /** What does not fit beside the old plan is loaded in its place: frames in flight are finished first, and the others wait. */
  async #inPlaceOf(
    old: RequesterEpoch,
    reason: ReplanReason,
    chosen: Replanned,
    needed: boolean,
  ): Promise<void> {
    const { core } = this.#options;
    core.frames.use(undefined);
    while (old.isHealthy && old.inFlight > 0 && !core.over) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
    if (core.over) return;
    const times = this.#times.get(old);
    this.#current = undefined;
    this.#remove([old]);
    try {
      this.#adopt(reason, await this.#prepare(chosen));
    } catch (thrown) {
      if (needed || core.over) throw thrown;
      // The old one did fit.
      const { plan, window } = old;
      const back: Replanned = {
        plan,
        window,
        ...(times ? { expectedMs: (...tile) => times.expected(...tile) } : {}),
      };
      this.#adopt(reason, await this.#prepare(back));
      throw thrown;
    }
  }

  /** What it returns is being prepared until it is adopted: in between nothing may take it for one that is done. */
  async #prepare({ plan, window, expectedMs }: Replanned): Promise<RequesterEpoch> {
    const { core, watch } = this.#options;
    const stamped: Plan = { ...plan, session: core.id, epoch: this.#nextEpoch };
    this.#nextEpoch += 1;
    const epoch = core.addEpoch(stamped, window);
    this.#preparing = epoch;
    this.#times.set(epoch, new TileTimes(expectedMs));
    try {
      await this.#startHere(epoch.compiled.peers);
      core.touch();
      const prepared = epoch.prepare();
      watch();
      await prepared;
      for (const { peer, sources } of epoch.peers) if (sources) this.#count(peer, sources);
      return epoch;
    } catch (error) {
      this.#preparing = undefined;
      this.#remove([epoch]);
      throw error;
    }
  }

  /** Where the plan names this device, it has to serve. */
  async #startHere(peers: readonly PeerId[]): Promise<void> {
    const { node, computeHere } = this.#options.session;
    if (!peers.includes(node.self) || node.serves || !computeHere) return;
    try {
      await (this.#startingHere ??= computeHere());
    } catch (thrown) {
      this.#startingHere = undefined;
      const { code, message } = toPeerceptronError(thrown, 'ENGINE_UNAVAILABLE');
      throw new PeerceptronError(code, `this device cannot compute: ${message}`, {
        cause: thrown,
        details: { peer: node.self },
      });
    }
  }

  #adopt(reason: ReplanReason, epoch: RequesterEpoch): void {
    const { core, emit, watch } = this.#options;
    this.#preparing = undefined;
    if (core.over) return;
    this.#current = epoch;
    this.#last = epoch;
    core.frames.use(epoch);
    if (core.frames.size === 0) core.rest();
    else watch();
    const { plan, window } = epoch;
    emit({ type: 'switched', reason, plan, window });
    this.retire();
  }

  #count(peer: PeerId, sources: Readonly<WeightOrigins>): void {
    this.#sources.set(peer, sumOrigins([this.#sources.get(peer) ?? noOrigins(), sources]));
  }

  #remove(epochs: readonly RequesterEpoch[]): void {
    for (const epoch of epochs) this.#times.delete(epoch);
    this.#options.core.removeEpochs(epochs);
  }

  #wakeDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
