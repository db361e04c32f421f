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
import type { World } from '../../src/planner/world.ts';

export const SINGLE_METHODS = ['pipeline', 'spatial', 'channel', 'lanes'] as const;
export type SingleMethod = (typeof SINGLE_METHODS)[number];

export interface SingleMethodRequest {
  readonly graph: Graph;
  readonly world: World;
  readonly objective: 'latency' | 'throughput';
}

export interface SingleMethodBest {
  /** Milliseconds of the objective. */
  readonly costMs: number;
  plan(context: Pick<Plan, 'session' | 'epoch'>): Plan;
}

/** Per method the best plan that uses it alone, or a single device; `undefined` where memory allows none. */
export function singleMethodBest(
  { graph, world, objective }: SingleMethodRequest,
  methods: readonly SingleMethod[] = SINGLE_METHODS,
): Partial<Record<SingleMethod, SingleMethodBest>> {
  const devices = world.devices.toSorted((a, b) => (a.id < b.id ? -1 : 1));
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
    interface State {
      readonly ms: number;
      readonly from: number;
      readonly device: number;
    }
    const n = devices.length;
    const table = new Map<number, State>();
    const key = (mask: number, end: number): number => mask * points.length + end;
    table.set(key(0, 0), { ms: 0, from: 0, device: -1 });
    const drafts: { readonly mask: number; readonly ms: number }[] = [];
    for (let mask = 0; mask < 1 << n; mask++) {
      for (const [start, point] of points.entries()) {
        const state = table.get(key(mask, start));
        if (!state) continue;
        for (let device = 0; device < n; device++) {
          if (mask & (1 << device)) continue;
          const { profile, memoryBytes } = devices[device]!;
          const { uplinkBytesPerMs, downlinkBytesPerMs } = profile.transport;
          const inMs = (space.bytesAt[point]! / downlinkBytesPerMs) * (point === 0 ? 0.25 : 1);
          for (let end = start + 1; end < points.length; end++) {
            const tile = space.tiles(point, points[end]!, WHOLE)![0]!;
            if (tile.weightBytes * 2 + tile.inputBytes + tile.workBytes > memoryBytes) break;
            const stageMs = profile.tileMs + workMs(tile.work, profile);
            const ms = objective === 'latency'
              ? state.ms + stageMs + inMs
              : Math.max(state.ms, stageMs, inMs, space.bytesAt[points[end]!]! / uplinkBytesPerMs); // prettier-ignore
            // A single device is better already.
            if (ms > 1.1 * costOf('pipeline')) break;
            const at = key(mask | (1 << device), end);
            const known = table.get(at);
            if (!known || ms < known.ms) table.set(at, { ms, from: start, device });
            if (end === points.length - 1) drafts.push({ mask: mask | (1 << device), ms });
          }
        }
      }
    }
    const masks = [...new Set(drafts.sort((a, b) => a.ms - b.ms).map(({ mask }) => mask))].slice(0, 12);
    return masks.map((mask) => {
      const segments: Draft[number][] = [];
      let end = points.length - 1;
      for (let left = mask; left !== 0;) {
        const { from, device } = table.get(key(left, end))!;
        segments.unshift({
          start: points[from]!,
          end: points[end]!,
          lanes: [{ share: 1, layout: WHOLE, devices: [device] }],
        });
        left &= ~(1 << device);
        end = from;
      }
      return segments;
    });
  }
}
