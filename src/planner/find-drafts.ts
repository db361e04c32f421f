import type { Codec } from './codec.ts';
import type { Draft } from './draft.ts';
import { balanced } from './draft-moves.ts';
import { latencyPath, METHODS, type Method } from './latency-paths.ts';
import { improve } from './local-search.ts';
import { withinMemory } from './memory-repair.ts';
import { RangeCosts } from './range-costs.ts';
import { lanePlan, type LanePlan } from './rate-plans.ts';
import { better, type Scored, type Scorer } from './scoring.ts';
import { WHOLE } from './search-space.ts';
import { workMs } from './cost-model.ts';

export interface FindRequest {
  readonly scorer: Scorer;
  readonly codecs: readonly Codec[];
  readonly isTimeUp: () => boolean;
}

export interface Found {
  /** The best of a single device, and the best of all. */
  readonly solo: Scored | undefined;
  readonly mesh: Scored | undefined;
  readonly speeds: readonly number[];
}

const STARTS = 3;
/** Shares are put right before drafts are compared. */
const ROUNDS = 4;
/** Of the plans of lanes those that promise most. */
const LANE_PLANS = 8;
/** Tiles that local search may put into simulations, from each start. */
const TILES_TRIED = 6000;
/** Of groups that are looked at; the last one holds everybody. */
const SIZES = [2, 3, 4, 5, 6, 8, 10, 12, 20, Infinity];
/** The rough view is wrong about some methods in some rooms: paths without them are tried as well. */
const METHOD_SETS: readonly (readonly Method[])[] = [METHODS, ['whole', 'rows', 'columns', 'sum-rows']];
const ELEMENT_BYTES: Readonly<Record<Codec, number>> = { f32: 4, f16: 2, u8: 1 };

export function findDrafts({ scorer, codecs, isTimeUp }: FindRequest): Found {
  const { space, devices, places, placeOf, objective } = scorer.context;
  const count = space.graph.nodes.length;
  const whole = space.tiles(0, count, WHOLE)![0]!;
  const soloMs = devices.map(({ profile }) => workMs(whole.work, profile));
  const speeds = soloMs.map((ms) => 1 / ms);
  let solo: Scored | undefined;
  for (const codec of codecs) {
    for (const device of devices.keys()) {
      const draft: Draft = [
        { start: 0, end: count, lanes: [{ share: 1, layout: WHOLE, devices: [device] }] },
      ];
      const scored = scorer.score(draft, codec);
      if (better(scored, solo)) solo = scored;
    }
  }
  const costs = new RangeCosts(space);
  const starts: Scored[] = [];
  const consider = (draft: Draft | undefined, codec: Codec, group: readonly number[]): void => {
    const fitting = draft && withinMemory(space, draft, devices, group);
    let scored = fitting && scorer.score(fitting, codec);
    if (scored) starts.push(scored);
    for (let round = 0; round < ROUNDS && scored; round++) {
      const next = scorer.score(balanced(scored), codec);
      if (!better(next, scored)) break;
      starts[starts.length - 1] = scored = next!;
    }
  };
  const groups = groupsOf(devices.length, speeds, scorer);
  const cutSets = objective.kind === 'latency' ? [] : cutSetsOf(scorer);
  for (const codec of codecs) {
    const elementBytes = ELEMENT_BYTES[codec];
    // For the rate, splits are only where memory or a bound wants them.
    for (const group of objective.kind === 'latency' ? groups : groups.slice(-3)) {
      if (isTimeUp()) break;
      if (group.length < 2) continue;
      const shares = {
        conv: group.map((device) => speeds[device]!),
        dense: group.map((device) => speeds[device]!),
      };
      for (const methods of METHOD_SETS) {
        const path = { costs, devices, places, placeOf, group, shares, elementBytes, methods };
        consider(latencyPath(path), codec, group);
      }
    }
    const lanes: LanePlan[] = [];
    for (const group of objective.kind === 'latency' ? [] : groups.filter(({ length }) => length > 1)) {
      // The full group leaves out whom it does not need; smaller ones are for windows that are too small for all.
      const sets = group.length === devices.length ? cutSets : cutSets.slice(0, 1);
      for (const cuts of sets) {
        if (isTimeUp()) break;
        const plan = lanePlan({ space, devices, places, placeOf, group, cuts, elementBytes });
        if (plan) lanes.push(plan);
      }
    }
    for (const group of lanes.length > 0 ? groups : []) {
      const fit = group.filter(
        (device) =>
          whole.weightBytes * 2 + whole.inputBytes + whole.workBytes <= devices[device]!.memoryBytes,
      );
      const bySpeed = fit.map((device) => ({ share: speeds[device]!, layout: WHOLE, devices: [device] }));
      if (fit.length > 1) consider([{ start: 0, end: count, lanes: bySpeed }], codec, group);
    }
    lanes.sort((a, b) => a.loadMs - b.loadMs);
    for (const { draft } of lanes.slice(0, LANE_PLANS)) consider(draft, codec, [...devices.keys()]);
  }
  if (solo) starts.push(solo);
  starts.sort((a, b) => a.cost - b.cost);
  let mesh: Scored | undefined = starts[0];
  for (const start of starts.slice(0, STARTS)) {
    if (isTimeUp()) break;
    const tiles = start.laid.reduce(
      (sum, all) => sum + all.reduce((count, lane) => count + lane.tiles.length, 0),
      0,
    );
    const attempts = Math.min(400, Math.ceil(TILES_TRIED / tiles));
    const improved = improve(start, { scorer, space, speeds, attempts, isTimeUp });
    if (better(improved, mesh)) mesh = improved;
  }
  return { solo, mesh, speeds };
}

/** Ever fewer devices, the slowest and the worst connected ones left out first. */
function groupsOf(count: number, speeds: readonly number[], { context }: Scorer): number[][] {
  const { places, placeOf } = context;
  const link = (device: number): number => {
    const { uplinkBytesPerMs, downlinkBytesPerMs } = places.places[placeOf[device]!]!.transport;
    return Math.min(uplinkBytesPerMs, downlinkBytesPerMs);
  };
  const orders = [
    (device: number) => speeds[device]!,
    (device: number) => speeds[device]! * Math.sqrt(link(device)),
  ].map((value) => [...Array(count).keys()].sort((a, b) => value(b) - value(a) || a - b));
  const seen = new Map<string, number[]>();
  for (const order of orders) {
    for (const size of SIZES) {
      const members = order.slice(0, Math.min(size, count)).sort((a, b) => speeds[b]! - speeds[a]! || a - b);
      seen.set(members.join(), members);
      if (size >= count) break;
    }
  }
  return [...seen.values()];
}

/** Places to cut for lanes: none, and the few where least has to travel. */
function cutSetsOf({ context: { space } }: Scorer): number[][] {
  const inner = space.cutPoints.slice(1, -1);
  const cheap = inner
    .toSorted((a, b) => space.bytesAt[a]! - space.bytesAt[b]! || a - b)
    .slice(0, 8)
    .sort((a, b) => a - b);
  const sets: number[][] = [[]];
  for (const [index, first] of cheap.entries()) {
    sets.push([first]);
    for (const second of cheap.slice(index + 1)) sets.push([first, second]);
  }
  return sets;
}
