import type { Graph } from '../../graph/graph.ts';
import type { LoadedModel } from '../../import/load-model.ts';
import { meshRoster } from '../../mesh/mesh-roster.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Objective } from '../../planner/choice.ts';
import type { Capabilities } from '../../protocol/messages.ts';
import type { AdaptiveSession, AdaptiveSessionEvent } from '../../runtime/adaptive-options.ts';
import type { BlockWeights } from '../../runtime/block-service.ts';
import type { FrameRunner } from '../../runtime/frame-stream.ts';
import { measureTransport } from '../../runtime/measure-transport.ts';
import { openPlannedSession, type ChosenPlan } from '../../runtime/planned-session.ts';
import type { RuntimeNode } from '../../runtime/runtime-node.ts';
import { Survey, type SurveyPeer } from '../../runtime/survey.ts';
import type { Clock } from '../../shared/clock.ts';
import { unreachable, type PeerceptronError } from '../../shared/errors.ts';
import { asSessionId, toHex, type PeerId } from '../../shared/ids.ts';
import type { RandomBytes } from '../../shared/random.ts';
import { deviceName } from '../device-name.ts';
import { gatherRoom } from '../gather-room.ts';
import { LoadProgress } from '../load-progress.ts';
import { trialPlan } from '../trial-plan.ts';
import type { TrialPlan } from '../trial-state.ts';

/** What opening a network waits for. */
export type RunStep =
  | { readonly step: 'connecting' }
  | { readonly step: 'planning' }
  /** Weights on their way to all devices of the plan. */
  | { readonly step: 'loading'; readonly loadedBytes: number; readonly totalBytes: number };

export type MeshRunEvent =
  /** What is under way; also while another plan runs. */
  | { readonly type: 'step'; readonly step: RunStep }
  /** A plan has come into use; or the room has changed, and the plan is still the one to use. */
  | { readonly type: 'planned'; readonly plan: TrialPlan }
  /** A device of the plan computes no longer: it was lost, or it has said that it leaves. The session goes on without it. */
  | { readonly type: 'gone'; readonly name: string; readonly how: Departure }
  /** Nobody is left who could compute: frames wait for somebody to come. */
  | { readonly type: 'waiting'; readonly error: PeerceptronError };

export type Departure = 'lost' | 'leaving';

export interface MeshJob {
  readonly model: Pick<LoadedModel, 'weights' | 'seeded' | 'stored' | 'original'>;
  /** What of the model runs: its graph, or a part of that with the same names of weights. */
  readonly graph: Graph;
  readonly onEvent: (event: MeshRunEvent) => void;
}

/** A network that is spread over the room and takes frames until it is closed. */
export interface MeshRun extends FrameRunner {
  close(): Promise<void>;
}

/** Lets the room compute a network. */
export interface MeshRunner {
  /** @throws what `openPlannedSession` throws */
  open(job: MeshJob): Promise<MeshRun>;
}

/** Of several that share a runner, one after the other: a session is opened when the one before is closed. */
export function oneByOne(runner: MeshRunner): MeshRunner {
  let last: Promise<void> = Promise.resolve();
  return {
    open: async (job) => {
      const before = last;
      let isOver: () => void = () => undefined;
      last = new Promise((resolve) => (isOver = resolve));
      await before;
      try {
        const run = await runner.open(job);
        return {
          get window() {
            return run.window;
          },
          run: (inputs, options) => run.run(inputs, options),
          close: async () => {
            await run.close();
            isOver();
          },
        };
      } catch (error) {
        isOver();
        throw error;
      }
    },
  };
}

/** For views of what runs: the session with its plan and, where it records one, its trace. */
export interface RunningNetwork {
  readonly graph: Graph;
  readonly session: AdaptiveSession;
  /** How the plan in use was chosen; absent where nobody chose it. */
  readonly chosen: ChosenPlan | undefined;
}

export interface RoomRunnerOptions {
  readonly mesh: Mesh;
  /** This device serves on it, and is a candidate like any other. */
  readonly node: RuntimeNode;
  /** What this device says of itself to others. */
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Default: one frame as fast as can be. */
  readonly objective?: Objective;
  /** Record what every device does for every frame. */
  readonly trace?: boolean;
  /** Whenever a plan comes into use; with nothing when the session is closed. */
  readonly onRunning?: (network: RunningNetwork | undefined) => void;
}

/** Plans over the devices of a room, and follows it. */
export function roomRunner(options: RoomRunnerOptions): MeshRunner {
  const silent = new Map<PeerId, PeerceptronError>();
  // What is known of devices and links outlives a session.
  let survey: Promise<Survey> | undefined;
  const openSurvey = async (): Promise<Survey> => {
    const { node, clock } = options;
    return new Survey({
      node,
      clock,
      transport: await measureTransport({ clock }),
      onEvent: (event) => {
        if (event.type === 'device-silent') silent.set(event.peer, event.error);
      },
    });
  };
  return {
    open: async (job) => {
      job.onEvent({ type: 'step', step: { step: 'connecting' } });
      await gatherRoom(options.mesh, options.clock);
      job.onEvent({ type: 'step', step: { step: 'planning' } });
      survey ??= openSurvey();
      survey.catch(() => (survey = undefined));
      const run = new RoomRun(options, job, silent);
      await run.open(await survey);
      return run;
    },
  };
}

class RoomRun implements MeshRun {
  readonly #options: RoomRunnerOptions;
  readonly #job: MeshJob;
  readonly #silent: ReadonlyMap<PeerId, PeerceptronError>;
  /** By the segments of a plan, which stay the same object while the plan is numbered anew. */
  readonly #chosen = new WeakMap<object, ChosenPlan>();
  readonly #loading = new LoadProgress();
  #latest: ChosenPlan | undefined;
  #session: AdaptiveSession | undefined;

  constructor(options: RoomRunnerOptions, job: MeshJob, silent: ReadonlyMap<PeerId, PeerceptronError>) {
    this.#options = options;
    this.#job = job;
    this.#silent = silent;
  }

  get window(): number {
    return this.#session!.window;
  }

  async open(survey: Survey): Promise<void> {
    const { mesh, node, clock, randomBytes, trace, objective = { kind: 'latency' } } = this.#options;
    const { graph, model } = this.#job;
    this.#session = await openPlannedSession({
      node,
      graph,
      weights: model.weights,
      seeded: model.seeded,
      blocks: blocksOf(model),
      clock,
      session: asSessionId(toHex(randomBytes(16))),
      roster: meshRoster(mesh),
      survey,
      objective,
      ...(trace ? { trace } : {}),
      describe: (peer) => this.#describe(peer),
      onChoice: (chosen) => {
        this.#latest = chosen;
        const { segments } = chosen.choice.plan;
        if (!this.#chosen.has(segments)) this.#chosen.set(segments, chosen);
        // The plan stays, and the room is another one.
        if (this.#session?.plan.segments === segments) this.#tellPlan();
      },
      onEvent: (event) => this.#follow(event),
    });
    this.#tellPlan();
  }

  run: FrameRunner['run'] = (inputs, options) => this.#session!.run(inputs, options);

  async close(): Promise<void> {
    await this.#session?.close();
    this.#options.onRunning?.(undefined);
  }

  #describe(peer: PeerId): SurveyPeer | undefined {
    const { mesh, capabilities } = this.#options;
    const name = deviceName(peer, mesh);
    if (peer === mesh.self) return { ...capabilities, id: peer, name };
    const member = mesh.members.get(peer);
    return member?.state === 'connected' && member.capabilities.serves
      ? { ...member.capabilities, id: peer, name }
      : undefined;
  }

  #follow(event: AdaptiveSessionEvent): void {
    switch (event.type) {
      case 'switching':
        this.#loading.clear();
        return;
      case 'loading': {
        const loaded = this.#loading.add(event.peer, event);
        this.#job.onEvent({ type: 'step', step: { step: 'loading', ...loaded } });
        return;
      }
      case 'switched':
      case 'kept':
        this.#tellPlan();
        return;
      case 'waiting':
        this.#job.onEvent({ type: 'waiting', error: event.error });
        return;
      case 'peer-lost':
      case 'peer-leaving':
        this.#job.onEvent({
          type: 'gone',
          name: this.#nameOf(event.peer),
          how: event.type === 'peer-lost' ? 'lost' : 'leaving',
        });
        return;
      case 'ready':
      case 'pausing':
      case 'peer-slow':
        // The session deals with it by itself; what comes of it is a plan, or the end of a frame.
        return;
      default:
        unreachable(event);
    }
  }

  /** As the planner knew it: it may have left the room since. */
  #nameOf(peer: PeerId): string {
    const known = this.#latest?.world.devices.find(({ id }) => id === peer);
    return known?.name ?? deviceName(peer, this.#options.mesh);
  }

  #tellPlan(): void {
    const session = this.#session;
    // The first plan comes into use before `open` has its session.
    if (!session) return;
    const chosen = this.#chosen.get(session.plan.segments);
    const plan = trialPlan(session, { chosen, latest: this.#latest }, this.#silent, this.#options.mesh);
    this.#job.onEvent({ type: 'planned', plan });
    this.#options.onRunning?.({ graph: this.#job.graph, session, chosen });
  }
}

/** Weights in our own layout, as peers get them; files of this device mean nothing to them. */
function blocksOf({ stored, original }: MeshJob['model']): BlockWeights | undefined {
  if (!stored) return undefined;
  const { layout, layoutFile, locations, reader } = stored;
  const { name, inputs, nodes, outputs } = original;
  const urls = locations.filter((location) => /^https?:\/\//i.test(location));
  return { layout, layoutFile, urls, reader, unfolded: { name, inputs, nodes, outputs } };
}
