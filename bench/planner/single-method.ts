import type { Graph } from '../../src/graph/graph.ts';
import { workMs } from '../../src/planner/cost-model.ts';
import { planOfDraft, type Draft, type DraftLane } from '../../src/planner/draft.ts';
import { latencyPath, type Method } from '../../src/planner/latency-paths.ts';
import { withinMemory } from '../../src/planner/memory-repair.ts';
import { placesOf } from '../../src/planner/places.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { RangeCosts } from '../../src/planner/range-costs.ts';
import { sharesOf } from '../../src/planner/draft-moves.ts';
import { Scorer, type Scored } from '../../src/planner/scoring.ts';
import { SearchSpace, WHOLE } from '../../src/planner/search-space.ts';
import type { Device, World } from '../../src/planner/world.ts';

export const SINGLE_METHODS = ['pipeline', 'spatial', 'channel', 'lanes'] as const;
export type SingleMethod = (typeof SINGLE_METHODS)[number];

export interface SingleMethodRequest {
  readonly graph: Graph;
  readonly world: World;
  readonly objective: 'latency' | 'throughput';
  /** Of pipelines, where they are known already. */
  readonly stages?: StageTimes;
}

/** Milliseconds of each device, in the order of their ids, for the ops between two cut points; Infinity where it has no room for them. */
export type StageTimes = (start: number, end: number) => Float64Array;

export interface SingleMethodBest {
  /** Milliseconds of the objective. */
  readonly costMs: number;
  plan(context: Pick<Plan, 'session' | 'epoch'>): Plan;
}

/** Per method the best plan that uses it alone, or a single device; `undefined` where memory allows none. */
export function singleMethodBest(
  { graph, world, objective, stages }: SingleMethodRequest,
  methods: readonly SingleMethod[] = SINGLE_METHODS,
): Partial<Record<SingleMethod, SingleMethodBest>> {
  const devices = inOrder(world);
  const space = new SearchSpace(graph);
  const places = placesOf(world, devices.map(({ id }) => id)); // prettier-ignore
  const placeOf = devices.map(({ id }) => places.indexOf.get(id)!);
  const scorer = new Scorer({ space, devices, places, placeOf, objective: { kind: objective } });
  const count = graph.nodes.length;
  const whole = space.tiles(0, count, WHOLE)![0]!;
  const wholeMs = devices.map(({ profile }) => workMs(whole.work, profile));
  const speeds = wholeMs.map((ms) => 1 / ms);
  const best = new Map<SingleMethod, Scored>();
  const costOf = (method: SingleMethod): number => best.get(method)?.cost ?? Infinity;
  const note = (method: SingleMethod, scored: Scored | undefined): void => {
    if (scored && scored.cost < costOf(method)) best.set(method, scored);
  };
  const score = (draft: Draft): Scored | undefined => scorer.score(draft, 'f32');
  for (const device of devices.keys()) {
    const alone = score([{ start: 0, end: count, lanes: [{ share: 1, layout: WHOLE, devices: [device] }] }]);
    for (const method of methods) note(method, alone);
  }
  const costs = new RangeCosts(space);
  const orders = [
    speeds,
    speeds.map((speed, device) => speed * linkOf(device)),
    speeds.map((_, device) => linkOf(device)),
  ];
  function linkOf(device: number): number {
    return places.places[placeOf[device]!]!.transport.uplinkBytesPerMs;
  }
  for (const order of orders) {
    const sorted = [...devices.keys()].sort((a, b) => order[b]! - order[a]!);
    for (let size = 2; size <= devices.length; size++) {
      const group = sorted.slice(0, size).sort((a, b) => speeds[b]! - speeds[a]!);
      if (methods.includes('lanes')) note('lanes', score(lanesOf(group)));
      for (const [method, splits] of [
        ['spatial', ['whole', 'rows', 'columns', 'sum-rows']],
        ['channel', ['whole', 'channels', 'sum-channels']],
      ] as [SingleMethod, Method[]][]) {
        if (!methods.includes(method)) continue;
        const shares = {
          conv: group.map((device) => speeds[device]!),
          dense: group.map((device) => speeds[device]!),
        };
        const path = latencyPath({
          costs,
          devices,
          places,
          placeOf,
          group,
          shares,
          elementBytes: 4,
          methods: splits,
        });
        const fitting = withinMemory(space, path, devices, group);
        let scored = fitting && score(fitting);
        for (let round = 0; round < 6 && scored; round++) {
          note(method, scored);
          scored = score(balanced(scored));
        }
      }
    }
  }
  if (methods.includes('pipeline')) for (const draft of pipelines()) note('pipeline', score(draft));
  return Object.fromEntries([...best].map(([method, scored]) => [method, described(scored)]));

  function described({ draft, laid, codec, cost }: Scored): SingleMethodBest {
    return {
      costMs: cost,
      plan: (context) => planOfDraft(space, draft, laid, { devices, codec, ...context }),
    };
  }

  function lanesOf(group: readonly number[]): Draft {
    const lanes = group.map((device): DraftLane => ({
      share: speeds[device]!,
      layout: WHOLE,
      devices: [device],
    }));
    return [{ start: 0, end: count, lanes }];
  }

  /** Shares by how long each part really takes. */
  function balanced({ draft, placed }: Scored): Draft {
    return draft.map((segment, at) => ({
      ...segment,
      lanes: segment.lanes.map((lane, index) => {
        const shares = sharesOf(lane.layout);
        if (!shares || shares.length < 2) return lane;
        const ms = placed.segments[at]!.lanes[index]!.tiles.map(({ computeMs }) => computeMs);
        const mean = ms.reduce((sum, each) => sum + each, 0) / ms.length;
        const next = shares.map((share, part) => (ms[part]! > 0 ? (share * mean) / ms[part]! : share));
        const { cuts, sum } = lane.layout;
        return {
          ...lane,
          layout: sum
            ? { cuts: [], sum: { ...sum, shares: next } }
            : { cuts: [{ ...cuts[0]!, shares: next }] },
        };
      }),
    }));
  }

  /** For every set of devices, in every order, the cuts with the least bottleneck (exactly, of compute and links each). */
  function pipelines(): Draft[] {
    const points = space.cutPoints;
    const last = points.length - 1;
    const sets = 1 << devices.length;
    // Of a set of devices and where the ops that they compute end: the best way there, its last device, where that one begins.
    const bestMs = new Float64Array(sets * points.length).fill(Infinity);
    const lastDevice = new Int32Array(bestMs.length);
    const begin = new Int32Array(bestMs.length);
    const at = (set: number, end: number): number => set * points.length + end;
    bestMs[at(0, 0)] = 0;
    // A single device is better already.
    const limitMs = 1.1 * costOf('pipeline');
    const stageMs = stages ?? stageTimes({ graph, devices });
    for (let set = 0; set < sets; set++) {
      for (const [start, point] of points.entries()) {
        const beforeMs = bestMs[at(set, start)]!;
        if (beforeMs === Infinity) continue;
        for (let device = 0; device < devices.length; device++) {
          if (set & (1 << device)) continue;
          const { uplinkBytesPerMs, downlinkBytesPerMs } = devices[device]!.profile.transport;
          const inMs = (space.bytesAt[point]! / downlinkBytesPerMs) * (point === 0 ? 0.25 : 1);
          for (let end = start + 1; end <= last; end++) {
            const computeMs = stageMs(start, end)[device]!;
            const ms = objective === 'latency'
              ? beforeMs + computeMs + inMs
              : Math.max(beforeMs, computeMs, inMs, space.bytesAt[points[end]!]! / uplinkBytesPerMs); // prettier-ignore
            if (computeMs === Infinity || ms > limitMs) break;
            const there = at(set | (1 << device), end);
            if (ms >= bestMs[there]!) continue;
            bestMs[there] = ms;
            lastDevice[there] = device;
            begin[there] = start;
          }
        }
      }
    }
    const whole = Array.from({ length: sets }, (_, set) => set)
      .filter((set) => bestMs[at(set, last)]! < Infinity)
      .sort((a, b) => bestMs[at(a, last)]! - bestMs[at(b, last)]!);
    return whole.slice(0, 12).map((set) => {
      const segments: Draft[number][] = [];
      let end = last;
      for (let left = set; left !== 0;) {
        const device = lastDevice[at(left, end)]!;
        const start = begin[at(left, end)]!;
        const lanes = [{ share: 1, layout: WHOLE, devices: [device] }];
        segments.unshift({ start: points[start]!, end: points[end]!, lanes });
        left &= ~(1 << device);
        end = start;
      }
      return segments;
    });
  }
}

const inOrder = ({ devices }: World): Device[] => devices.toSorted((a, b) => (a.id < b.id ? -1 : 1));

interface StagesRequest {
  readonly graph: Graph;
  readonly devices: readonly Device[];
}

function stageTimes(request: StagesRequest): StageTimes {
  const known: (readonly Float64Array[] | undefined)[] = [];
  return (start, end) => (known[start] ??= timesFrom(request, start))[end - start - 1]!;
}

/** All of them, with pauses: on a slow device they take seconds, and whoever is connected to it is to be answered meanwhile. */
export async function stageTimesWithPauses(graph: Graph, world: World): Promise<StageTimes> {
  const devices = inOrder(world);
  const rows: (readonly Float64Array[])[] = [];
  for (const start of new SearchSpace(graph).cutPoints.keys()) {
    rows.push(timesFrom({ graph, devices }, start));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return (start, end) => rows[start]![end - start - 1]!;
}

/** From one cut point to every later one. */
function timesFrom({ graph, devices }: StagesRequest, start: number): readonly Float64Array[] {
  // Programs of all runs of ops together are hundreds of megabytes, and nobody needs them once their times are known.
  const space = new SearchSpace(graph);
  const points = space.cutPoints;
  return points.slice(start + 1).map((end) => {
    const tile = space.tiles(points[start]!, end, WHOLE)![0]!;
    return Float64Array.from(devices, ({ profile, memoryBytes }) => {
      const isTooLarge = tile.weightBytes * 2 + tile.inputBytes + tile.workBytes > memoryBytes;
      return isTooLarge ? Infinity : profile.tileMs + workMs(tile.work, profile);
    });
  });
}
