import type { Graph } from '../graph/graph.ts';
import { meshRoster } from '../mesh/mesh-roster.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Objective } from '../planner/choice.ts';
import { plainWorld } from '../planner/plain-world.ts';
import type { PlanSearch } from '../planner/search-task.ts';
import type { Capabilities } from '../protocol/messages.ts';
import type { AdaptiveSession, AdaptiveSessionEvent } from '../runtime/adaptive-options.ts';
import type { FrameInput } from '../runtime/frame-input.ts';
import type { FrameRunner } from '../runtime/frame-stream.ts';
import type { FrameResult } from '../runtime/frames-in-flight.ts';
import { openPlannedSession, type ChosenPlan } from '../runtime/planned-session.ts';
import type { RuntimeNode } from '../runtime/runtime-node.ts';
import type { SessionSource } from '../runtime/session-core.ts';
import type { SurveyPeer } from '../runtime/survey.ts';
import type { Clock } from '../shared/clock.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import { asSessionId, toHex, type PeerId, type SessionId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import { deviceName } from './device-name.ts';
import { tileKey, type AskedEvent, type PlanWish } from './network-view/asked-state.ts';
import { answerPlanQuestion } from './network-view/plan-preview.ts';
import { problemOf } from './problem.ts';
import type { RoomSurvey } from './room-survey.ts';

export interface PageSessionOptions {
  readonly mesh: Mesh;
  /** This device serves on it, and is a candidate like any other. */
  readonly node: RuntimeNode;
  /** What this device says of itself to others, now. */
  readonly capabilities: () => Capabilities;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly model: Pick<SessionSource, 'graph' | 'weights' | 'seeded' | 'blocks' | 'sweepBytes'>;
  readonly objective: Objective;
  readonly survey: RoomSurvey;
  /** Looks for plans, away from this thread. */
  readonly search: PlanSearch;
  readonly dispatch: (event: AskedEvent) => void;
  readonly onEvent?: (event: AdaptiveSessionEvent, page: PageSession) => void;
  /** A plan has come into use, or the room has changed around it. */
  readonly onPlan?: (page: PageSession) => void;
}

/** Enough for a picture of what goes on, and little to keep. */
const TRACED_FRAMES = 64;
const PREVIEW_SEARCH_MS = 2000;
/** People do not read faster. */
const TELL_TIMES_EVERY_MS = 250;
const SMOOTHING = 0.2;

/**
 * A session that this page starts for whatever asks (pictures, a camera): its frames are timed and traced, its plans shown, previewed
 * and replaced. Rejects with what `openPlannedSession` rejects with.
 */
export async function openPageSession(options: PageSessionOptions): Promise<PageSession> {
  const page = new PageSession(options);
  await page.open();
  return page;
}

export class PageSession {
  readonly id: SessionId;
  readonly #options: PageSessionOptions;
  /** By the segments of a plan, which stay the same object while the plan is numbered anew. */
  readonly #chosen = new WeakMap<object, ChosenPlan>();
  #latest: ChosenPlan | undefined;
  #wish: PlanWish;
  #session: AdaptiveSession | undefined;
  #tileMs = { epoch: -1, means: new Map<string, number>() };
  #cancelTelling: (() => void) | undefined;

  constructor(options: PageSessionOptions) {
    this.#options = options;
    this.#wish = { objective: options.objective, without: [] };
    this.id = asSessionId(toHex(options.randomBytes(16)));
  }

  get graph(): Graph {
    return this.#options.model.graph;
  }

  /** Defined once `openPageSession` has resolved. */
  get session(): AdaptiveSession {
    return this.#session!;
  }

  /** How plans are chosen at the moment. */
  get wish(): PlanWish {
    return this.#wish;
  }

  /** What was known when the plan in use was chosen; undefined where nobody chose it. */
  get chosen(): ChosenPlan | undefined {
    return this.#session && this.#chosen.get(this.#session.plan.segments);
  }

  /** The last choice, of the same plan or of one that was not worth a switch: it knows the room as it is. */
  get latest(): ChosenPlan | undefined {
    return this.#latest;
  }

  /** As the planner knew it: it may have left the room since. */
  nameOf(peer: PeerId): string {
    const known = this.#latest?.world.devices.find(({ id }) => id === peer);
    return known?.name ?? deviceName(peer, this.#options.mesh);
  }

  /** To feed frames through: what tiles take is noted. */
  get frames(): FrameRunner {
    const session = this.session;
    return {
      get window() {
        return session.window;
      },
      run: async (inputs: readonly FrameInput[], options) => {
        const result = await session.run(inputs, options);
        this.#note(result);
        return result;
      },
    };
  }

  async open(): Promise<void> {
    const { mesh, node, clock, model, survey, search, onEvent } = this.#options;
    this.#session = await openPlannedSession({
      ...model,
      node,
      clock,
      session: this.id,
      roster: meshRoster(mesh),
      survey: await survey.get(),
      search,
      objective: () => this.#wish.objective,
      describe: (peer) => this.#describe(peer),
      mayUse: (peer) => !this.#wish.without.includes(peer),
      trace: { lastFrames: TRACED_FRAMES },
      onChoice: (chosen) => {
        this.#latest = chosen;
        const { segments } = chosen.choice.plan;
        if (!this.#chosen.has(segments)) this.#chosen.set(segments, chosen);
        // The plan stays, and the room is another one.
        if (this.#session?.plan.segments === segments) this.#tellPlan();
      },
      onEvent: (event) => {
        onEvent?.(event, this);
        if (event.type === 'switched' || event.type === 'kept') this.#tellPlan();
      },
    });
    this.#tellPlan();
  }

  /** What another plan would do; the answer is an event. */
  async preview(wish: PlanWish): Promise<void> {
    const { search, dispatch } = this.#options;
    dispatch({ type: 'preview', preview: { state: 'computing', wish } });
    try {
      const world = this.#latest?.world;
      // A plan that nobody chose: there was nobody to choose among.
      const answer = world
        ? await answerPlanQuestion(
            {
              graph: this.graph,
              world: plainWorld(world),
              objective: wish.objective,
              without: wish.without,
              running: this.session.plan,
              searchTimeMs: PREVIEW_SEARCH_MS,
            },
            search,
          )
        : undefined;
      if (answer) dispatch({ type: 'preview', preview: { state: 'ready', wish, answer } });
    } catch (thrown) {
      const problem = problemOf(toPeerceptronError(thrown));
      dispatch({ type: 'preview', preview: { state: 'failed', wish, problem } });
    }
  }

  /** From now on plans are chosen by this wish; the running one goes on until the next is loaded. */
  apply(wish: PlanWish): void {
    this.#wish = wish;
    this.#session?.reconsider();
    this.#tellPlan();
  }

  /** Fetches what devices have recorded of the latest frames; it is an event. */
  async takeTrace(): Promise<void> {
    const { dispatch } = this.#options;
    dispatch({ type: 'tracing' });
    try {
      dispatch({ type: 'traced', trace: await this.session.trace() });
    } catch (thrown) {
      dispatch({ type: 'trace-failed', problem: problemOf(toPeerceptronError(thrown)) });
    }
  }

  async close(): Promise<void> {
    this.#cancelTelling?.();
    await this.#session?.close();
    this.#options.dispatch({ type: 'closed' });
  }

  #describe(peer: PeerId): SurveyPeer | undefined {
    const { mesh, node, capabilities } = this.#options;
    const name = deviceName(peer, mesh);
    if (peer === mesh.self) return node.serves ? { ...capabilities(), id: peer, name } : undefined;
    const member = mesh.members.get(peer);
    return member?.state === 'connected' && member.capabilities.serves
      ? { ...member.capabilities, id: peer, name }
      : undefined;
  }

  #tellPlan(): void {
    // The first plan comes into use before `open` has its session.
    if (!this.#session) return;
    const { dispatch, onPlan } = this.#options;
    const prediction = this.chosen?.choice.prediction;
    const known = this.#latest?.world.devices ?? [];
    dispatch({
      type: 'planned',
      session: this.id,
      graph: this.graph,
      plan: this.#session.plan,
      wish: this.#wish,
      ...(prediction ? { prediction } : {}),
      candidates: known.map(({ id, name }) => ({ id, name })),
    });
    onPlan?.(this);
  }

  #note({ plan, tiles }: FrameResult): void {
    if (plan.epoch < this.#tileMs.epoch) return;
    if (plan.epoch > this.#tileMs.epoch) this.#tileMs = { epoch: plan.epoch, means: new Map() };
    const { means } = this.#tileMs;
    for (const { segment, lane, tile, computeMs } of tiles) {
      const key = tileKey(segment, lane, tile);
      const before = means.get(key);
      means.set(key, before === undefined ? computeMs : before + SMOOTHING * (computeMs - before));
    }
    this.#cancelTelling ??= this.#options.clock.after(TELL_TIMES_EVERY_MS, () => {
      this.#cancelTelling = undefined;
      const { epoch, means: latest } = this.#tileMs;
      this.#options.dispatch({ type: 'timed', epoch, tileMs: new Map(latest) });
    });
  }
}
