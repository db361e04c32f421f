import { chainPath } from './chain-path.ts';
import type { Codec } from './codec.ts';
import { structureOf, type Draft } from './draft.ts';
import { filledDrafts } from './filled-drafts.ts';
import { balanced, evened, movesFrom } from './draft-moves.ts';
import { latencyPath, METHODS, type Method, type PathRequest } from './latency-paths.ts';
import { bestGrid, mayBeGrid } from './grids.ts';
import { improve } from './local-search.ts';
import { withinMemory } from './memory-repair.ts';
import { RangeCosts } from './range-costs.ts';
import { lanePlan, type LanePlan } from './rate-plans.ts';
import { relayPath } from './relay-path.ts';
import { better, type Scored, type Scorer } from './scoring.ts';
import { WHOLE, type TileCost } from './search-space.ts';
import { teamDrafts } from './team-drafts.ts';
import { leastTileBytes } from './tile-bytes.ts';
import type { Device } from './world.ts';
import { workMs } from './cost-model.ts';
import { roomOf, wholeRunsOf } from './whole-runs.ts';

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

/** Drafts that local search begins with, where they are small. */
const STARTS = 12;
/** Shares are put right before drafts are compared. */
const ROUNDS = 6;
const LANE_ROUNDS = 3;
const WORTH_A_ROUND = 1.5;
const PROMISING = 1.2;
/** Of the plans of lanes those that promise most. */
const LANE_PLANS = 10;
/** Tiles that local search may put into simulations, in all and from each start. */
const TILES_TRIED = 9000;
const TILES_PER_START = 6000;
const FRAMES_PER_DRAFT = 2;
/** Ops times devices of problems in which every draft may be tried. */
const SMALL = 40;
const NEIGHBOUR_ATTEMPTS = 150;
/** What a draft takes beside its tiles. */
const DRAFT_TILES = 8;
/** Devices of which every two are tried behind each other, and cuts of such a pair. */
const PAIRED = 3;
const CUTS_PER_PAIR = 3;
const MANY_DEVICES = 24;
/** Of the best starts, so many whose bands are tried as grids. */
const GRIDDED = 2;
/** Of plans that are cut once, where there are more than a few devices. */
const SINGLE_CUTS = 20;
/** Segments times devices, of linear programs: the time that they take goes with the cube of it. */
const MOST_LANES = 500;
/** Of groups that split what lanes have no room for: a few, and everybody. */
const TEAM_SIZES = [2, 3, 4, 6];
/** That pipelines have room for: more are better, and may be too much. */
const CHAIN_FRAMES = [1, 2, 4, 8];
const CHAIN_ATTEMPTS = 60;
/** Of so many devices pipelines are looked at in every order. */
const ALL_ORDERS = 4;
/** Of groups that are looked at; the last one holds everybody. */
const FEW = 10;
const SIZES = [2, 3, 4, 6, 8, 12, 16, 24, 40, Infinity];
/** Times as long as all engines together would take: nearer to that, teams are no gain. */
const NEAR = 1.1;
const SPATIAL: readonly Method[] = ['whole', 'rows', 'columns', 'sum-rows'];
const CHANNELS: readonly Method[] = ['whole', 'channels', 'sum-channels'];
const ELEMENT_BYTES: Readonly<Record<Codec, number>> = { f32: 4, f16: 2, u8: 1 };

export function findDrafts({ scorer, codecs, isTimeUp }: FindRequest): Found {
  const { space, devices, places, placeOf, objective } = scorer.context;
  const count = space.graph.nodes.length;
  const whole = space.tiles(0, count, WHOLE)![0]!;
  const soloMs = devices.map(({ profile }) => workMs(whole.work, profile));
  const speeds = soloMs.map((ms) => 1 / ms);
  const rooms = devices.map(({ memoryBytes }) => memoryBytes);
  const wholeRuns = wholeRunsOf(space);
  let solo: Scored | undefined;
  for (const codec of codecs) {
    for (const [index, device] of devices.entries()) {
      const alone: Draft = [{ start: 0, end: count, lanes: [{ share: 1, layout: WHOLE, devices: [index] }] }];
      let scored = scorer.score(alone, codec);
      if (!scored) {
        const tiles = wholeRuns.segments(0, space.cutPoints.length - 1, index, roomOf(device));
        scored = tiles && scorer.score(tiles, codec);
      }
      if (better(scored, solo)) solo = scored;
    }
  }
  const costs = new RangeCosts(space);
  const starts: Scored[] = [];
  let leastCost = solo?.cost ?? Infinity;
  const consider = (draft: Draft | undefined, codec: Codec, group: readonly number[]): void => {
    // A rate that the busiest device alone keeps far from the best is not worth repairing, nor simulating.
    const bound = PROMISING * leastCost;
    const fitting =
      draft && scorer.mayReach(draft, codec, bound) && withinMemory(space, draft, devices, group);
    let scored = fitting ? scorer.score(fitting, codec, bound) : undefined;
    if (scored) starts.push(scored);
    leastCost = Math.min(leastCost, scored?.cost ?? Infinity);
    const deals = scored?.draft.some(({ lanes }) => lanes.length > 1) ?? false;
    for (let round = 0; round < (deals ? LANE_ROUNDS : ROUNDS) && scored; round++) {
      // The next round may be better where this one is not: transfers do not go with the shares.
      const next = deals && round === 0 ? evened(scored, 0.7) : balanced(scored);
      const best = starts.at(-1)!;
      scored = scorer.score(next, codec, WORTH_A_ROUND * best.cost);
      if (better(scored, best)) starts[starts.length - 1] = scored!;
      else if (!scored || scored.cost > WORTH_A_ROUND * best.cost) break;
      if (best.cost > WORTH_A_ROUND * leastCost) break;
    }
  };
  const pathOf = (group: readonly number[], codec: Codec): PathRequest => {
    const bySpeed = group.map((device) => speeds[device]!);
    const shares = { conv: bySpeed, dense: bySpeed };
    return { costs, devices, places, placeOf, group, shares, elementBytes: ELEMENT_BYTES[codec] };
  };
  const groups = groupsOf(devices.length, speeds, scorer);
  const last = space.cutPoints.length - 1;
  const isShort = devices.some((device) => wholeRuns.reach(0, roomOf(device)) < last);
  const leastMs = 1 / speeds.reduce((sum, speed) => sum + speed, 0);
  const cutSets = objective.kind === 'latency' ? [] : cutSetsOf(scorer);
  for (const codec of codecs) {
    const elementBytes = ELEMENT_BYTES[codec];
    const everybody = [...devices.keys()];
    const relays: Draft[] = [];
    for (const least of devices.length > 1 ? (['sum', 'slowest'] as const) : []) {
      if (least === 'slowest' && objective.kind === 'latency') continue;
      const relay = relayPath({ costs, devices, places, placeOf, elementBytes, least });
      if (!relay) continue;
      relays.push(relay);
      consider(relay, codec, everybody);
    }
    // Relays are greedy. Where no device can do without others, pipelines are worth a closer look.
    if (objective.kind !== 'latency' && (!solo || solo.draft.length > 1)) {
      for (const draft of [falling(speeds), falling(rooms)].flatMap(chains))
        consider(draft, codec, everybody);
    }
    // For the rate, splits are only where memory or a bound wants them.
    for (const group of objective.kind === 'latency' ? groups : groups.slice(-3)) {
      if (isTimeUp()) break;
      if (group.length < 2) continue;
      const path = pathOf(group, codec);
      const draft = latencyPath(path);
      consider(draft, codec, group);
      // The rough view is wrong about channels in some rooms.
      if (usesChannels(draft)) consider(latencyPath({ ...path, methods: SPATIAL }), codec, group);
    }
    const lanes: LanePlan[] = [];
    for (const group of objective.kind === 'latency' ? [] : groups.filter(({ length }) => length > 1)) {
      // The full group leaves out whom it does not need; smaller ones are for windows that are too small for all.
      const relayCuts = relays
        .map(takeOversOf)
        .filter((cuts) => (cuts.length + 1) * devices.length <= MOST_LANES);
      const sets = group.length === devices.length ? [...cutSets, ...relayCuts] : cutSets.slice(0, 1);
      for (const cuts of sets) {
        if (isTimeUp()) break;
        const plan = lanePlan({ space, devices, places, placeOf, group, cuts, elementBytes });
        if (plan) lanes.push(plan);
      }
    }
    for (const group of lanes.length > 0 ? groups : []) {
      const fit = group.filter((device) => fitsAlone(whole, devices[device]!));
      const bySpeed = fit.map((device) => ({ share: speeds[device]!, layout: WHOLE, devices: [device] }));
      if (fit.length > 1) consider([{ start: 0, end: count, lanes: bySpeed }], codec, group);
    }
    for (const team of objective.kind === 'latency' ? [] : teamsOf(groups, devices.length)) {
      if (team.length > 1) consider(lanesBeforeSplits(scorer, speeds, team), codec, team);
    }
    for (const pair of objective.kind === 'latency' || devices.length > FEW ? [] : pairsOf(scorer, speeds)) {
      consider(pair, codec, everybody);
    }
    lanes.sort((a, b) => a.loadMs - b.loadMs);
    for (const { draft } of lanes.slice(0, LANE_PLANS)) consider(draft, codec, everybody);
    if (objective.kind !== 'latency' && isShort && leastCost > NEAR * leastMs) {
      const request = { costs, devices, places, placeOf, speeds, elementBytes, groups, isTimeUp };
      const drafts = teamDrafts({ ...request, mostMs: PROMISING * leastCost });
      for (const draft of drafts) consider(draft, codec, everybody);
    }
  }
  const banded = starts.filter(({ draft, cost }) => cost <= PROMISING * leastCost && mayBeGrid(draft));
  for (const start of distinct(banded.sort((a, b) => a.cost - b.cost)).slice(0, GRIDDED)) {
    const grid = isTimeUp() ? undefined : bestGrid(start, scorer);
    if (grid) starts.push(grid);
  }
  if (solo) starts.push(solo);
  // Where all else is too much for the memory that there is, whatever fits is the start.
  if (starts.length === 0) {
    for (const codec of codecs) {
      const everybody = [...devices.keys()];
      for (const draft of filledDrafts(space, devices, speeds)) consider(draft, codec, everybody);
      for (const group of groups.filter(({ length }) => length > 1)) {
        for (const methods of objective.kind === 'latency'
          ? [SPATIAL, CHANNELS]
          : [METHODS, SPATIAL, CHANNELS]) {
          consider(latencyPath({ ...pathOf(group, codec), methods }), codec, group);
        }
      }
    }
  }
  starts.sort((a, b) => a.cost - b.cost);
  let mesh: Scored | undefined = starts[0];
  // A steady state takes many frames, and several times as long as one of them.
  const frames = objective.kind === 'latency' ? 1 : FRAMES_PER_DRAFT;
  let tilesLeft = TILES_TRIED / frames;
  const isSmall = space.graph.nodes.length * devices.length <= SMALL;
  for (const start of distinct(starts)) {
    if (isTimeUp() || tilesLeft <= 0) break;
    if (!isSmall && start.cost > PROMISING * mesh!.cost) break;
    const tiles = start.laid.reduce(
      (sum, all) => sum + all.reduce((count, lane) => count + lane.tiles.length, 0),
      DRAFT_TILES + space.graph.nodes.length / 4,
    );
    const attempts = Math.ceil(Math.min(tilesLeft, TILES_PER_START / frames) / tiles);
    const before = scorer.simulated;
    const improved = improve(start, { scorer, space, speeds, attempts, isTimeUp });
    tilesLeft -= (scorer.simulated - before) * tiles;
    if (better(improved, mesh)) mesh = improved;
  }
  if (isSmall) mesh = lookAround(mesh, solo);
  else if (mesh && objective.kind !== 'latency') mesh = fromPipelines(mesh);
  return { solo, mesh: mesh && scorer.settled(mesh), speeds };

  function chains(order: readonly number[]): (Draft | undefined)[] {
    return CHAIN_FRAMES.map((frames) => chainPath({ costs, devices, order, frames }));
  }

  /**
   * Of few devices in every order; where memory is short, of those with little room first, for most weights are in the layers at the
   * end. What they lead to is not where other drafts do.
   */
  function fromPipelines(best: Scored): Scored {
    let found = best;
    const leastRoomFirst = isShort ? [falling(rooms.map((bytes) => -bytes))] : [];
    const orders = devices.length <= ALL_ORDERS ? permutations(devices.length) : leastRoomFirst;
    const drafts = orders.flatMap(chains);
    for (const codec of codecs) {
      const made = drafts.map((draft) => draft && scorer.score(draft, codec, PROMISING * found.cost));
      for (const start of distinct(made.filter((scored) => scored !== undefined))) {
        if (start.cost > PROMISING * found.cost || isTimeUp()) continue;
        const improved = improve(start, { scorer, space, speeds, attempts: CHAIN_ATTEMPTS, isTimeUp });
        if (better(improved, found)) found = improved;
      }
    }
    return found;
  }

  /** Where drafts take no time, from the best one and the best neighbours of other structure once more. */
  function lookAround(best: Scored | undefined, alone: Scored | undefined): Scored | undefined {
    const options = { scorer, space, speeds, isTimeUp };
    let found = best;
    for (const from of [alone, best, best]) {
      if (!from) continue;
      const around: Scored[] = [];
      for (const draft of movesFrom(from === best ? found! : from, { space, speeds })) {
        const scored = isTimeUp() ? undefined : scorer.score(draft, from.codec);
        if (scored) around.push(scored);
      }
      around.sort((a, b) => a.cost - b.cost);
      for (const start of distinct(around)) {
        const improved = improve(start, { ...options, attempts: NEIGHBOUR_ATTEMPTS });
        if (better(improved, found)) found = improved;
      }
    }
    return found;
  }
}

/** Where the values are, the greatest first. */
const falling = (values: readonly number[]): number[] =>
  [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);

/** Of 0 to `count` − 1. */
function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, at) => [...order.slice(0, at), count - 1, ...order.slice(at)]),
  );
}

const fitsAlone = (cost: TileCost, { memoryBytes, weightStorage }: Device): boolean =>
  leastTileBytes([cost], 1, weightStorage) <= memoryBytes;

const teamsOf = (groups: readonly (readonly number[])[], count: number): (readonly number[])[] =>
  groups
    .filter(({ length }) => length > 1 && (length === count || TEAM_SIZES.includes(length)))
    .slice(0, TEAM_SIZES.length + 1);

/**
 * Lanes on all devices up to the first dense layer, whose weights hardly one device has room for; from there on its
 * units, and those of the layers behind it, are split among a team.
 */
function lanesBeforeSplits(
  { context: { space, devices } }: Scorer,
  speeds: readonly number[],
  team: readonly number[],
): Draft | undefined {
  const { nodes } = space.graph;
  const first = nodes.findIndex(({ op }) => op.kind === 'dense');
  if (first <= 0 || !space.cutPoints.includes(first)) return undefined;
  const lanes = [...devices.keys()].map((device) => ({
    share: speeds[device]!,
    layout: WHOLE,
    devices: [device],
  }));
  const points = space.cutPoints.filter((point) => point >= first);
  const shares = team.map((device) => speeds[device]!);
  const tail = points.slice(0, -1).map((start, index) => {
    const end = points[index + 1]!;
    const splits = space.extent(start, end, 'channel') >= team.length;
    const layout = splits ? { cuts: [{ axis: 'channel' as const, shares }] } : WHOLE;
    return { start, end, lanes: [{ share: 1, layout, devices: splits ? team : team.slice(0, 1) }] };
  });
  return [{ start: 0, end: first, lanes }, ...tail];
}

/** Where another device goes on. */
const takeOversOf = (relay: Draft): number[] =>
  relay.flatMap(({ start, lanes }, at) =>
    at > 0 && lanes[0]!.devices[0] !== relay[at - 1]!.lanes[0]!.devices[0] ? [start] : [],
  );

const usesChannels = (draft: Draft): boolean =>
  draft.some(({ lanes }) =>
    lanes.some(({ layout }) => layout.cuts[0]?.axis === 'channel' || layout.sum?.axis === 'channel'),
  );

/** The best starts, of different structure: the same cuts and layouts by other shares lead to the same place. */
function distinct(starts: readonly Scored[]): Scored[] {
  const seen = new Map<string, Scored>();
  for (const start of starts) {
    const key = structureOf(start.draft);
    if (!seen.has(key)) seen.set(key, start);
    if (seen.size >= STARTS) break;
  }
  return [...seen.values()];
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
    (device: number) => speeds[device]! * link(device),
    (device: number) => link(device),
  ].map((value) => [...Array(count).keys()].sort((a, b) => value(b) - value(a) || a - b));
  const seen = new Map<string, number[]>();
  for (const order of orders) {
    const sizes = count <= FEW ? Array.from({ length: count - 1 }, (_, index) => index + 2) : SIZES;
    for (const size of sizes) {
      const members = order.slice(0, Math.min(size, count)).sort((a, b) => speeds[b]! - speeds[a]! || a - b);
      seen.set(members.join(), members);
      if (size >= count) break;
    }
  }
  return [...seen.values()];
}

/** Of pairs of the fastest devices, one behind the other, where to cut so that neither is much busier than the other. */
function pairsOf({ context: { space, devices } }: Scorer, speeds: readonly number[]): Draft[] {
  const fastest = [...devices.keys()].sort((a, b) => speeds[b]! - speeds[a]! || a - b).slice(0, PAIRED);
  const end = space.graph.nodes.length;
  const msOf = (device: number, from: number, to: number): number =>
    devices[device]!.profile.tileMs +
    workMs(space.tiles(from, to, WHOLE)![0]!.work, devices[device]!.profile);
  return fastest.flatMap((first) =>
    fastest
      .filter((second) => second !== first)
      .flatMap((second) =>
        space.cutPoints
          .slice(1, -1)
          .map((cut) => ({ cut, ms: Math.max(msOf(first, 0, cut), msOf(second, cut, end)) }))
          .sort((a, b) => a.ms - b.ms || a.cut - b.cut)
          .slice(0, CUTS_PER_PAIR)
          .map(({ cut }): Draft => [
            { start: 0, end: cut, lanes: [{ share: 1, layout: WHOLE, devices: [first] }] },
            { start: cut, end, lanes: [{ share: 1, layout: WHOLE, devices: [second] }] },
          ]),
      ),
  );
}

/** Places to cut for lanes: none, and the few where least has to travel. */
function cutSetsOf({ context }: Scorer): number[][] {
  const { space } = context;
  const inner = space.cutPoints.slice(1, -1);
  // Linear programs of many devices take their time.
  const many = context.devices.length > MANY_DEVICES;
  const byBytes = inner.toSorted((a, b) => space.bytesAt[a]! - space.bytesAt[b]! || a - b);
  const cheap = byBytes.slice(0, many ? 4 : 8).sort((a, b) => a - b);
  const single = context.devices.length <= FEW ? inner : byBytes.slice(0, SINGLE_CUTS);
  const sets: number[][] = [[], ...(many ? cheap : single).map((cut) => [cut])];
  for (const [index, first] of cheap.entries()) {
    for (const second of many ? [] : cheap.slice(index + 1)) sets.push([first, second]);
  }
  return sets;
}
