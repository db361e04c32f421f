import { createHash } from 'node:crypto';
import { connectionProcessor } from '../../headless/connection-processor.ts';
import { randomInputs } from '../../headless/frames.ts';
import { loadModelByName } from '../../headless/model-files.ts';
import { PlanThread } from '../../headless/plan-thread.ts';
import type { RoomPeer } from '../../headless/room-peers.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { Objective, PlanChoice, PlanRequest } from '../../src/planner/choice.ts';
import type { Plan } from '../../src/planner/plan.ts';
import type { DeviceProfile, TransportProfile } from '../../src/planner/profile.ts';
import { searchTask } from '../../src/planner/search-task.ts';
import { sharedProfile } from '../../src/planner/shared-profile.ts';
import type { FrameInput } from '../../src/runtime/frame-input.ts';
import { measureTransport } from '../../src/runtime/measure-transport.ts';
import type { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { openSession, type Session, type SessionOptions } from '../../src/runtime/session.ts';
import { Survey, type SurveyPeer } from '../../src/runtime/survey.ts';
import { summarizeTrace } from '../../src/runtime/trace/summary.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { asSessionId, type PeerId, type SessionId } from '../../src/shared/ids.ts';
import { measureLatency, measureRate } from '../frame-times.ts';
import { NETWORK_SEED } from '../overhead/networks.ts';
import { stageTimesWithPauses } from '../planner/single-method.ts';
import { profiled } from '../profiled.ts';
import { layoutOf, type LayoutMethod } from './baselines/layouts.ts';
import { undisturbed } from './undisturbed.ts';
import type { Planned, RequesterAnswers, RequesterCommand, Run, Where } from './requester-commands.ts';

type Command = Exclude<RequesterCommand, { type: 'gather' }>;
type Of<Type extends Command['type']> = Extract<Command, { readonly type: Type }>;

interface Cell {
  readonly options: SessionOptions;
  /** A picture, where the network is for pictures: as bytes. */
  readonly inputs: readonly FrameInput[];
  readonly isLatency: boolean;
}

/** Links that nobody answers while a search goes on would be given up. */
const planThread = new PlanThread();
const searched = (request: PlanRequest): Promise<PlanChoice> => planThread.search(searchTask(request));

/** Frames of lanes that take turns come several at a time: a rate is that of the frames in flight so many times over, at least. */
const ROUNDS = 2;
/** What a tile takes when nothing disturbs it is the least of its runs: frames before those that count, and of each lane. */
const WARM_UPS = 6;
const WARM_UPS_OF_LANE = 2;

/** What the requester's program does, one command at a time. */
export class FarmRequester {
  readonly #node: RuntimeNode;
  #peers: readonly RoomPeer[] = [];
  #transport: TransportProfile | undefined;
  /** Of all devices, with all of this machine's processor. */
  #profiles: readonly DeviceProfile[] = [];
  /** By what the links of the devices carry, Mbit/s. */
  readonly #surveys = new Map<number, Survey>();
  #cell: Cell | undefined;
  #session: Session | undefined;
  #sessions = 0;

  constructor(node: RuntimeNode) {
    this.#node = node;
  }

  /** While all of them are quick: what a device measures of itself it measures once, and before others need it. */
  async know(peers: readonly RoomPeer[]): Promise<void> {
    this.#peers = peers;
    this.#transport = await measureTransport({ clock: systemClock });
    const devices = await profiled(
      this.#newSurvey(),
      peers.map(({ id, capabilities }) => ({ id, ...capabilities })),
    );
    this.#profiles = devices.map(({ profile }) => profile);
  }

  async obey(command: Command): Promise<RequesterAnswers[Command['type']]> {
    switch (command.type) {
      case 'plan':
        return this.#plan(command);
      case 'open':
        return this.#open(command);
      case 'run':
        return this.#run(command);
      case 'trace':
        return this.#trace(command);
      case 'close':
        await this.#session?.close();
        this.#session = undefined;
        return undefined;
    }
  }

  async #plan({
    network,
    method,
    objective,
    latencyBoundMs,
    peers,
    megabitsPerSecond,
    memoryBytes,
    seed,
  }: Of<'plan'>): Promise<Planned | { readonly refused: string }> {
    const { graph, weights, seeded } = await loadModelByName(network, { seed: NETWORK_SEED });
    const survey = this.#surveyAt(megabitsPerSecond);
    const ids = peers.map(({ id }) => id);
    const engine = undisturbed(this.#profiles, graph);
    const shares = new Map(peers.map(({ id, share }) => [id, share]));
    const devices = (await profiled(survey, this.#surveyed(ids, memoryBytes))).map((device) => ({
      ...device,
      profile: { ...sharedProfile(engine, shares.get(device.id)!), transport: device.profile.transport },
    }));
    const session = this.#newSession();
    const wanted: Objective =
      objective === 'throughput' && latencyBoundMs !== undefined
        ? { kind: objective, latencyBoundMs }
        : { kind: objective };
    const request = { graph, session, epoch: 0, objective: wanted };
    let choice: PlanChoice;
    try {
      const choose = method === 'ours' ? searched : choiceOf(method, objective);
      choice = await survey.plan(devices, request, choose);
    } catch (thrown) {
      if (thrown instanceof PeerceptronError && REFUSALS.has(thrown.code)) return { refused: thrown.message };
      throw thrown;
    }
    const { plan, prediction } = choice;
    const isLatency = objective === 'latency';
    const window = isLatency ? 1 : prediction.window;
    const source = { node: this.#node, graph, weights, seeded, clock: systemClock };
    this.#cell = {
      options: { ...source, plan, window },
      inputs: randomInputs(graph, seed),
      isLatency,
    };
    const tiles = plan.segments.flatMap(({ lanes }) => lanes.flatMap((lane) => lane.tiles));
    const { latencyMs, loadedLatencyMs, framesPerSecond } = prediction;
    const predicted = { latencyMs: isLatency ? latencyMs : loadedLatencyMs, framesPerSecond };
    const used = [...new Set(tiles.map(({ peer }) => peer))];
    return { predicted, used, plan: digestOf(plan, used, window) };
  }

  async #open({ traced }: Of<'open'>): Promise<undefined> {
    const { options, inputs } = this.#planned();
    const plan = { ...options.plan, session: this.#newSession() };
    this.#session = await openSession({ ...options, plan, trace: traced });
    const lanes = Math.max(...plan.segments.map((segment) => segment.lanes.length));
    const warmUps = Math.max(traced ? WARM_UPS_OF_LANE : WARM_UPS, WARM_UPS_OF_LANE * lanes);
    for (let frame = 0; frame < warmUps; frame++) await this.#session.run(inputs);
  }

  async #run({ frames }: Of<'run'>): Promise<Run> {
    const session = this.#opened();
    const { inputs, isLatency } = this.#planned();
    const since = performance.now();
    const measured = isLatency
      ? await measureLatency(session, inputs, frames)
      : await measureRate(session, inputs, Math.max(frames, ROUNDS * session.window));
    const elapsedMs = performance.now() - since;
    const { value, frames: results, ran } = measured;
    return {
      latenciesMs: results.map(({ latencyMs }) => latencyMs),
      framesPerSecond: isLatency ? (1000 * results.length) / elapsedMs : value,
      frames: ran,
      elapsedMs,
      output: [...results.at(-1)!.outputs[0]!],
    };
  }

  async #trace({ frames }: Of<'trace'>): Promise<Where> {
    const session = this.#opened();
    const { inputs } = this.#planned();
    for (let frame = 0; frame < frames; frame++) await session.run(inputs);
    const summary = summarizeTrace(await session.trace(), (peer) => peer);
    // The first one was there to warm up.
    const stages = summary.frames.slice(1).map(({ stagesMs }) => stagesMs);
    const sum = (...names: (keyof (typeof stages)[number])[]): number =>
      stages.reduce((total, each) => total + names.reduce((ms, name) => ms + (each[name] ?? 0), 0), 0);
    const compute = sum('compute');
    const link = sum('transfer');
    const wait = sum('encode', 'assemble', 'queue', 'unknown');
    const all = compute + link + wait;
    return { compute: compute / all, link: link / all, wait: wait / all };
  }

  #surveyAt(megabitsPerSecond: number): Survey {
    const known = this.#surveys.get(megabitsPerSecond);
    if (known) return known;
    const survey = this.#newSurvey();
    this.#surveys.set(megabitsPerSecond, survey);
    return survey;
  }

  #newSurvey(): Survey {
    if (!this.#transport) throw new PeerceptronError('USAGE', 'nobody is known: `gather` first');
    return new Survey({
      node: this.#node,
      clock: systemClock,
      transport: this.#transport,
      processor: connectionProcessor(),
    });
  }

  #newSession(): SessionId {
    this.#sessions += 1;
    return asSessionId(this.#sessions.toString(16).padStart(32, '0'));
  }

  /** Whatever a plan may take, a device has no more than it offers. */
  #surveyed(peers: readonly string[], memoryBytes: number): SurveyPeer[] {
    return peers.map((id) => {
      const peer = this.#peers.find((each) => each.id === id);
      if (!peer) throw new PeerceptronError('USAGE', `there is no peer ${id} in the room`);
      const { capabilities } = peer;
      return {
        id: peer.id,
        ...capabilities,
        memoryBytes: Math.min(memoryBytes, capabilities.memoryBytes),
      };
    });
  }

  #planned(): Cell {
    if (!this.#cell) throw new PeerceptronError('USAGE', 'nothing is planned: `plan` first');
    return this.#cell;
  }

  #opened(): Session {
    if (!this.#session) throw new PeerceptronError('USAGE', 'no session is open: `open` first');
    return this.#session;
  }
}

/** Of the plan with its devices numbered in the order in which they appear. */
function digestOf({ segments }: Plan, used: readonly PeerId[], window: number): string {
  const text = JSON.stringify({ segments, window }, (key, value: unknown) =>
    key === 'peer' ? used.indexOf(value as PeerId) : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

const REFUSALS: ReadonlySet<string> = new Set(['PLAN_MEMORY', 'PLAN_NO_PEERS', 'PLAN_INVALID']);

/** Another method in the place of the planner: what it chooses, judged by the same simulation, with links that are measured as for ours. */
const choiceOf =
  (method: LayoutMethod, objective: 'latency' | 'throughput') =>
  async ({ graph, world, session, epoch }: PlanRequest): Promise<PlanChoice> => {
    const stages = method === 'pipeline' ? await stageTimesWithPauses(graph, world) : undefined;
    const outcome = layoutOf(method, {
      graph,
      world,
      session,
      epoch,
      objective,
      ...(stages ? { stages } : {}),
    });
    if (outcome.state === 'refused') throw new PeerceptronError('PLAN_NO_PEERS', outcome.why);
    const { plan, prediction } = outcome;
    return { plan, prediction, objective: { kind: objective }, leftOut: [], candidates: 1 };
  };
