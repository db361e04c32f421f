import type { LoadedModel } from '../src/import/load-model.ts';
import { meshRoster } from '../src/mesh/mesh-roster.ts';
import type { Mesh } from '../src/mesh/mesh.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { Objective, PlanChoice } from '../src/planner/choice.ts';
import type { Codec } from '../src/planner/codec.ts';
import { compilePlan } from '../src/planner/compiled-plan.ts';
import { withCodec } from '../src/planner/plan-codec.ts';
import { parsePlanFile } from '../src/planner/plan-file.ts';
import { windowWithin } from '../src/planner/plan-window.ts';
import { verifyPlan } from '../src/planner/verify-plan.ts';
import type { AdaptiveSessionEvent } from '../src/runtime/adaptive-options.ts';
import type { BlockWeights } from '../src/runtime/block-service.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import { measureTransport } from '../src/runtime/measure-transport.ts';
import { openPlannedSession, type ChosenPlan } from '../src/runtime/planned-session.ts';
import { servePeer } from '../src/runtime/serve-peer.ts';
import type { SessionSource } from '../src/runtime/session-core.ts';
import { openSession, type Session } from '../src/runtime/session.ts';
import { Survey, type SurveyEvent, type SurveyPeer } from '../src/runtime/survey.ts';
import { asSessionId, toHex, type PeerId, type SessionId } from '../src/shared/ids.ts';
import { connectionProcessor } from './connection-processor.ts';
import { parseEngineName, startEngine } from './node-engine.ts';
import type { JoinedNode } from './node-mesh.ts';
import { PlanThread } from './plan-thread.ts';
import { codecsWithin } from './planning/objective-flags.ts';
import { defaultMemoryOffer, nodeRandomBytes } from './platform.ts';
import { servingPeers, type RoomPeer } from './room-peers.ts';

export interface SpreadModel {
  readonly session: Session;
  readonly peers: readonly RoomPeer[];
  /** What the planner has chosen last, and why; absent where the plan came from a file. */
  readonly choice?: PlanChoice;
}

export interface SpreadModelOptions {
  readonly joined: JoinedNode;
  readonly model: LoadedModel;
  readonly peers: readonly RoomPeer[];
  /** A plan file as JSON: `"peer": 0` is the first peer of the room, in order of id. Absent: the planner decides. */
  readonly planFile?: unknown;
  /** What the planner aims at; the lowest latency when absent. */
  readonly objective?: Objective;
  /** How far activations may be rounded on their way between peers where the plan says nothing; `f32`, not at all, when absent. */
  readonly codec?: Codec | undefined;
  /** Frames in flight; by default as many as keep the plan's stages busy and fit into the peers' memory. */
  readonly window?: number | undefined;
  /** See `SessionOptions`. */
  readonly sweepBytes?: number | undefined;
  /** Record what every device does for every frame; `session.trace()` gives it. */
  readonly trace?: boolean;
  /** The engine of this process, should nobody else be left to compute. */
  readonly engine?: string;
  readonly onEvent?: (event: SpreadEvent) => void;
}

export type SpreadEvent =
  | AdaptiveSessionEvent
  | SurveyEvent
  /** A plan was chosen, at the start or because something has changed. */
  | { readonly type: 'planned'; readonly chosen: ChosenPlan };

/**
 * Plans the model over the peers, deals it out, and waits until all are ready; follows the room from then on. With a plan
 * from a file it does what the file says, and ends when a peer of it is lost.
 */
export async function spreadModel(options: SpreadModelOptions): Promise<SpreadModel> {
  return options.planFile === undefined ? spreadAsPlanned(options) : spreadByFile(options);
}

async function spreadByFile(options: SpreadModelOptions): Promise<SpreadModel> {
  const { joined, model, peers, objective, window, planFile, onEvent } = options;
  const session = newSessionId();
  const ids = peers.map(({ id }) => id);
  const written = parsePlanFile(planFile, { graph: model.graph, session, epoch: 0, peers: ids });
  const plan = options.codec ? withCodec(model.graph, written, options.codec) : written;
  const offers = new Map(peers.map(({ id, capabilities }) => [id, capabilities.memoryBytes]));
  const storages = new Map(peers.map(({ id, capabilities }) => [id, capabilities.weightStorage]));
  verifyPlan(model.graph, plan);
  const wanted = objective?.kind === 'throughput' ? 'rate' : 'latency';
  const opened = await openSession({
    ...sourceOf(options),
    node: joined.node,
    plan,
    window:
      window ??
      windowWithin(compilePlan(model.graph, plan), offers, objective ? wanted : 'rate', (peer) =>
        storages.get(peer),
      ),
    ...(onEvent ? { onEvent: (event) => onEvent({ ...event, epoch: 0 }) } : {}),
  });
  return { session: opened, peers };
}

/** One for all sessions of the program. */
const planThread = new PlanThread();

async function spreadAsPlanned(options: SpreadModelOptions): Promise<SpreadModel> {
  const { joined, peers, window, objective = { kind: 'latency' }, onEvent } = options;
  const { mesh, node } = joined;
  const survey = new Survey({
    node,
    clock: systemClock,
    transport: await measureTransport({ clock: systemClock }),
    processor: connectionProcessor(),
    ...(onEvent ? { onEvent } : {}),
  });
  let latest: ChosenPlan | undefined;
  const session = await openPlannedSession({
    ...sourceOf(options),
    node,
    session: newSessionId(),
    roster: meshRoster(mesh),
    survey,
    objective,
    codecs: codecsWithin(options.codec),
    window,
    search: planThread.search,
    describe: (peer) => describeMember(mesh, peer),
    computeHere: async () => {
      const { engine } = await startEngine(parseEngineName(options.engine ?? 'auto'));
      servePeer({ node, engine, memoryBytes: defaultMemoryOffer(), clock: systemClock });
    },
    onChoice: (chosen) => {
      latest = chosen;
      onEvent?.({ type: 'planned', chosen });
    },
    ...(onEvent ? { onEvent } : {}),
  });
  return {
    session,
    // Those that have come, and those that have left: reports name them all.
    get peers() {
      const known = new Set(peers.map(({ id }) => id));
      return [...peers, ...servingPeers(mesh).filter(({ id }) => !known.has(id))];
    },
    get choice() {
      return latest!.choice;
    },
  };
}

function describeMember(mesh: Mesh, id: PeerId): SurveyPeer | undefined {
  const peer = servingPeers(mesh).find((member) => member.id === id);
  return peer && { id, ...peer.capabilities };
}

const newSessionId = (): SessionId => asSessionId(toHex(nodeRandomBytes(16)));

const sourceOf = ({ model, sweepBytes, trace }: SpreadModelOptions): Omit<SessionSource, 'node'> => ({
  graph: model.graph,
  weights: model.weights,
  seeded: model.seeded,
  blocks: blocksOf(model),
  sweepBytes,
  clock: systemClock,
  ...(trace ? { trace } : {}),
});

/** Weights in our own layout, as peers get them; paths of this machine mean nothing to them. */
function blocksOf({ stored, original }: LoadedModel): BlockWeights | undefined {
  if (!stored) return undefined;
  const { layout, layoutFile, locations, reader } = stored;
  const { name, inputs, nodes, outputs } = original;
  const urls = locations.filter((location) => /^https?:\/\//i.test(location));
  return { layout, layoutFile, urls, reader, unfolded: { name, inputs, nodes, outputs } };
}

export interface PeerWork {
  readonly id: PeerId;
  readonly name: string;
  readonly engine: string;
  readonly weightBytes: number;
  readonly tiles: readonly {
    readonly segment: number;
    readonly lane: number;
    readonly tile: number;
    readonly ops: readonly [start: number, end: number];
    readonly firstOp: string;
    readonly lastOp: string;
    readonly outputs: readonly { readonly tensor: string; readonly box: readonly (readonly number[])[] }[];
    /** Mean over the frames that took this tile; absent when none did. */
    readonly computeMs?: number;
    readonly frames: number;
  }[];
}

/** Which peer computed what, and for how long. */
export function peerWork(
  { session, peers }: SpreadModel,
  nodes: LoadedModel['graph']['nodes'],
  results: readonly FrameResult[],
): PeerWork[] {
  // Frames of a plan before this one were dealt otherwise.
  const frames = results.filter(({ plan }) => plan.epoch === session.plan.epoch);
  return peers.map(({ id, capabilities }) => ({
    id,
    name: capabilities.name,
    engine: capabilities.engine,
    weightBytes: session.peers.find(({ peer }) => peer === id)?.weightBytes ?? 0,
    tiles: session.plan.segments.flatMap(({ ops, lanes }, segment) =>
      lanes.flatMap(({ tiles }, lane) =>
        tiles.flatMap((tile, index) => {
          if (tile.peer !== id) return [];
          const times = frames.flatMap(({ tiles: reports }) =>
            reports
              .filter((report) => report.segment === segment && report.lane === lane && report.tile === index)
              .map(({ computeMs }) => computeMs),
          );
          const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
          return [
            {
              segment,
              lane,
              tile: index,
              ops,
              firstOp: nodes[ops[0]]!.id,
              lastOp: nodes[ops[1] - 1]!.id,
              outputs: tile.outputs,
              frames: times.length,
              ...(times.length > 0 ? { computeMs: mean } : {}),
            },
          ];
        }),
      ),
    ),
  }));
}
