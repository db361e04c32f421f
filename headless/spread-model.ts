import type { LoadedModel } from '../src/import/load-model.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { PlanChoice } from '../src/planner/choice.ts';
import type { Codec } from '../src/planner/codec.ts';
import { compilePlan } from '../src/planner/compiled-plan.ts';
import { withCodec } from '../src/planner/plan-codec.ts';
import { parsePlanFile } from '../src/planner/plan-file.ts';
import { pipelinePlan } from '../src/planner/pipeline-plan.ts';
import type { Plan } from '../src/planner/plan.ts';
import { windowWithin, type WindowObjective } from '../src/planner/plan-window.ts';
import { verifyPlan } from '../src/planner/verify-plan.ts';
import { asSessionId, toHex, type PeerId } from '../src/shared/ids.ts';
import type { RuntimeNode } from '../src/runtime/runtime-node.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import type { BlockWeights } from '../src/runtime/block-service.ts';
import { openSession, type Session, type SessionEvent } from '../src/runtime/session.ts';
import { nodeRandomBytes } from './platform.ts';
import type { RoomPeer } from './room-peers.ts';

export interface SpreadModel {
  readonly session: Session;
  readonly peers: readonly RoomPeer[];
  /** What the plan was chosen for and is expected to do; absent where it comes from a file. */
  readonly choice?: PlanChoice;
}

/** Plans the model over the peers (or takes a plan from a file), deals it out, and waits until all are ready. */
export async function spreadModel(options: {
  readonly node: RuntimeNode;
  readonly model: LoadedModel;
  readonly peers: readonly RoomPeer[];
  /** A plan file as JSON: `"peer": 0` is the first peer of the room, in order of id. */
  readonly planFile?: unknown;
  /** How activations travel between peers where the plan says nothing; `f32` when absent. */
  readonly codec?: Codec | undefined;
  /** Frames in flight; by default as many as keep the plan's stages busy and fit into the peers' memory. */
  readonly window?: number;
  /** What the default of `window` aims at. */
  readonly objective?: WindowObjective;
  /** See `SessionOptions`. */
  readonly sweepBytes?: number | undefined;
  /** Record what every device does for every frame; `session.trace()` gives it. */
  readonly trace?: boolean;
  readonly onEvent?: (event: SessionEvent) => void;
}): Promise<SpreadModel> {
  const { node, model, peers, planFile, onEvent } = options;
  const session = asSessionId(toHex(nodeRandomBytes(16)));
  const planned: Plan =
    planFile === undefined
      ? pipelinePlan({
          graph: model.graph,
          session,
          epoch: 0,
          peers: peers.map(({ id }) => ({ id, speed: 1 })),
        })
      : parsePlanFile(planFile, { graph: model.graph, session, epoch: 0, peers: peers.map(({ id }) => id) });
  const plan = options.codec ? withCodec(model.graph, planned, options.codec) : planned;
  const offers = new Map(peers.map(({ id, capabilities }) => [id, capabilities.memoryBytes]));
  verifyPlan(model.graph, plan);
  const storages = new Map(peers.map(({ id, capabilities }) => [id, capabilities.weightStorage]));
  const window =
    options.window ??
    windowWithin(compilePlan(model.graph, plan), offers, options.objective, (peer) => storages.get(peer));
  const opened = await openSession({
    node,
    graph: model.graph,
    weights: model.weights,
    seeded: model.seeded,
    blocks: blocksOf(model),
    sweepBytes: options.sweepBytes,
    plan,
    window,
    clock: systemClock,
    ...(options.trace ? { trace: true } : {}),
    ...(onEvent ? { onEvent } : {}),
  });
  return { session: opened, peers };
}

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
  frames: readonly FrameResult[],
): PeerWork[] {
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
