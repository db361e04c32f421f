import type { Box } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { graphCost } from '../../src/graph/inspect.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import type { TileProgram } from '../../src/graph/tile-program.ts';
import type { LeftOut, Objective, PlanChoice } from '../../src/planner/choice.ts';
import { compilePlan, type CompiledPlan } from '../../src/planner/compiled-plan.ts';
import { memoryPerPeer, type WeightStorageOf } from '../../src/planner/memory.ts';
import type { Bottleneck, Prediction } from '../../src/planner/prediction.ts';
import type { Plan } from '../../src/planner/plan.ts';
import type { World } from '../../src/planner/world.ts';
import type { PeerId } from '../../src/shared/ids.ts';

/** What a plan asks of one device, and what it is expected to do there. */
export interface DevicePreview {
  readonly id: PeerId;
  readonly name: string;
  readonly tiles: readonly TilePreview[];
  /** Of all multiply-accumulates that the plan takes per frame, 0 to 1. */
  readonly computeShare: number;
  /** Per frame, on average over the lanes. */
  readonly computeMs: number;
  readonly transportMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly weightBytes: number;
  readonly activationBytes: number;
  /** What is set aside for both; `offeredBytes` is what the device offers. */
  readonly memoryBytes: number;
  readonly offeredBytes: number;
  /** Of the time in steady state, 0 to 1. */
  readonly busy: Prediction['devices'][number]['busy'];
}

export interface TilePreview {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  readonly ops: readonly [start: number, end: number];
  readonly firstOp: string;
  readonly lastOp: string;
  readonly outputs: readonly { readonly tensor: string; readonly box: Box }[];
  readonly reduce?: Box;
}

/** What a chosen plan is expected to do, in short. */
export interface PredictionSummary {
  readonly model: string;
  readonly objective: Objective;
  /** Devices that compute, and all that were there. */
  readonly deviceCount: number;
  readonly offeredCount: number;
  readonly window: number;
  readonly latencyMs: number;
  readonly framesPerSecond: number;
  readonly loadedLatencyMs: number;
  readonly bottleneck: Bottleneck & { readonly device?: string; readonly sentence: string };
  /** The best plan of a single device; absent where none can hold the model. */
  readonly solo?: { readonly device: string; readonly latencyMs: number; readonly framesPerSecond: number };
  readonly gain?: number;
}

export interface PlanPreview extends PredictionSummary {
  readonly devices: readonly DevicePreview[];
  readonly leftOut: readonly (LeftOut & { readonly name: string })[];
  /** Multiply-accumulates of the plan over those of the network: above 1 where overlaps are computed twice. */
  readonly recompute: number;
  /** What a frame sends over links, as the plan's codecs carry it. */
  readonly bytesPerFrame: number;
  /** How many plans were simulated. */
  readonly candidates: number;
  readonly timeline: Prediction['timeline'];
  readonly plan: Plan;
}

export function summarizeChoice(
  model: string,
  { plan, prediction, objective, solo, gain, leftOut }: PlanChoice,
  nameOf: (peer: PeerId) => string,
): PredictionSummary {
  const { latencyMs, framesPerSecond, loadedLatencyMs, window, bottleneck } = prediction;
  const deviceCount = peersOf(plan).size;
  return {
    model,
    objective,
    deviceCount,
    offeredCount: deviceCount + leftOut.length,
    window,
    latencyMs,
    framesPerSecond,
    loadedLatencyMs,
    bottleneck: {
      ...bottleneck,
      ...(bottleneck.peer === undefined ? {} : { device: nameOf(bottleneck.peer) }),
      sentence: bottleneckSentence(bottleneck, nameOf),
    },
    ...(solo ? { solo: soloOf(solo.plan, solo.prediction, nameOf) } : {}),
    ...(gain === undefined ? {} : { gain }),
  };
}

export const peersOf = ({ segments }: Plan): Set<PeerId> =>
  new Set(segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))));

/** Names of a world's devices; anybody else is the requester. */
export function worldNames(world: World): (peer: PeerId) => string {
  const names = new Map(world.devices.map(({ id, name }) => [id, name]));
  return (peer) => names.get(peer) ?? 'requester';
}

export function weightStorageIn(world: World): WeightStorageOf {
  const storages = new Map(world.devices.map(({ id, weightStorage }) => [id, weightStorage]));
  return (peer) => storages.get(peer);
}

/** Everything that is said about a chosen plan, as data. */
export function previewPlan(graph: Graph, world: World, choice: PlanChoice): PlanPreview {
  const { plan, prediction, candidates } = choice;
  const nameOf = worldNames(world);
  const compiled = compilePlan(graph, plan);
  const memory = memoryPerPeer(compiled, prediction.window, weightStorageIn(world));
  const macs = macsPerPeer(compiled);
  const total = [...macs.values()].reduce((sum, count) => sum + count, 0);
  const loads = new Map(prediction.devices.map((load) => [load.peer, load]));
  const devices = compiled.peers.map((id): DevicePreview => {
    const { weightBytes = 0, activationBytes = 0, totalBytes = 0 } = memory.get(id) ?? {};
    const load = loads.get(id);
    return {
      id,
      name: nameOf(id),
      tiles: tilesOf(graph, compiled, id),
      computeShare: total > 0 ? macs.get(id)! / total : 0,
      computeMs: load?.computeMs ?? 0,
      transportMs: load?.transportMs ?? 0,
      bytesIn: load?.bytesIn ?? 0,
      bytesOut: load?.bytesOut ?? 0,
      weightBytes,
      activationBytes,
      memoryBytes: totalBytes,
      offeredBytes: world.devices.find((device) => device.id === id)?.memoryBytes ?? 0,
      busy: load?.busy ?? { compute: 0, transport: 0, uplink: 0, downlink: 0 },
    };
  });
  return {
    ...summarizeChoice(graph.name, choice, nameOf),
    devices,
    leftOut: choice.leftOut.map((entry) => ({ ...entry, name: nameOf(entry.peer) })),
    recompute: total / graphCost(graph).macs || 1,
    bytesPerFrame: prediction.devices.reduce((sum, { bytesOut }) => sum + bytesOut, 0),
    candidates,
    timeline: prediction.timeline,
    plan,
  };
}

function soloOf(
  plan: Plan,
  { latencyMs, framesPerSecond }: Prediction,
  nameOf: (peer: PeerId) => string,
): NonNullable<PlanPreview['solo']> {
  return { device: nameOf(plan.segments[0]!.lanes[0]!.tiles[0]!.peer), latencyMs, framesPerSecond };
}

/** Per frame, on average over the lanes' shares. */
function macsPerPeer(compiled: CompiledPlan): Map<PeerId, number> {
  const macs = new Map<PeerId, number>();
  for (const [segment, { lanes }] of compiled.plan.segments.entries()) {
    const shares = lanes.reduce((sum, { share }) => sum + share, 0);
    for (const [lane, { share, tiles }] of lanes.entries()) {
      for (const [tile, { peer }] of tiles.entries()) {
        const count = programMacs(compiled.program(segment, lane, tile));
        macs.set(peer, (macs.get(peer) ?? 0) + (count * share) / shares);
      }
    }
  }
  return macs;
}

const programMacs = ({ steps }: TileProgram): number =>
  steps.reduce(
    (sum, { op, inputShapes, output, reduce }) =>
      sum + definitionOf(op).cost(op, inputShapes, output, reduce).macs,
    0,
  );

function tilesOf({ nodes }: Graph, compiled: CompiledPlan, peer: PeerId): TilePreview[] {
  return compiled.tilesOf(peer).map(({ segment, lane, tile }) => {
    const { ops } = compiled.plan.segments[segment]!;
    const { outputs, reduce } = compiled.tile(segment, lane, tile);
    return {
      segment,
      lane,
      tile,
      ops,
      firstOp: nodes[ops[0]]!.id,
      lastOp: nodes[ops[1] - 1]!.id,
      outputs: outputs.map(({ tensor, box }) => ({ tensor, box })),
      ...(reduce ? { reduce } : {}),
    };
  });
}

const percent = (share: number): string => `${Math.round(Math.min(1, share) * 100)} %`;

/** What keeps a plan from being faster, and what would help. */
export function bottleneckSentence(
  { kind, peer, share }: Bottleneck,
  nameOf: (peer: PeerId) => string,
): string {
  const name = peer === undefined ? 'nobody' : nameOf(peer);
  switch (kind) {
    case 'compute':
      return `the engine of ${name}, which computes ${percent(share)} of the time`;
    case 'transport':
      return `what moving tensors costs ${name}: its connections take ${percent(share)} of the time of one core`;
    case 'uplink':
      return `what ${name} sends: its uplink is busy ${percent(share)} of the time`;
    case 'downlink':
      return `what ${name} receives: its downlink is busy ${percent(share)} of the time`;
    case 'latency':
      return `none: nothing is busy for more than ${percent(share)} of the time. Devices wait for each other's pieces, and more frames in flight would raise the rate`;
  }
}
