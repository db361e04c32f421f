import type { Codec } from './codec.ts';
import type { Draft } from './draft.ts';
import { latencyPath } from './latency-paths.ts';
import { improve } from './local-search.ts';
import { withinMemory } from './memory-repair.ts';
import { RangeCosts } from './range-costs.ts';
import { lanePlan } from './rate-plans.ts';
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

const STARTS = 4;
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
    const scored = fitting && scorer.score(fitting, codec);
    if (scored) starts.push(scored);
  };
  const groups = groupsOf(devices.length, speeds, scorer);
  const cutSets = cutSetsOf(scorer);
  for (const codec of codecs) {
    const elementBytes = ELEMENT_BYTES[codec];
    for (const group of groups) {
      if (isTimeUp()) break;
      const shares = {
        conv: group.map((device) => speeds[device]!),
        dense: group.map((device) => speeds[device]!),
      };
      if (group.length > 1) {
        consider(latencyPath({ costs, devices, places, placeOf, group, shares, elementBytes }), codec, group);
      }
      if (objective.kind === 'latency') continue;
      for (const cuts of cutSets) {
        const draft = lanePlan({ space, devices, places, placeOf, group, cuts, elementBytes });
        if (draft) consider(draft, codec, group);
      }
    }
  }
  if (solo) starts.push(solo);
  starts.sort((a, b) => a.cost - b.cost);
  let mesh: Scored | undefined = starts[0];
  const attempts = 400;
  for (const start of starts.slice(0, STARTS)) {
    if (isTimeUp()) break;
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
    (device: number) => link(device),
    (device: number) => speeds[device]! * Math.sqrt(link(device)),
  ].map((value) => [...Array(count).keys()].sort((a, b) => value(b) - value(a) || a - b));
  const seen = new Map<string, number[]>();
  for (const order of orders) {
    for (let size = 1; size <= count; size = size < 12 ? size + 1 : Math.ceil(size * 1.5)) {
      const members = order.slice(0, Math.min(size, count)).sort((a, b) => speeds[b]! - speeds[a]! || a - b);
      seen.set(members.join(), members);
    }
    seen.set(
      order.join(),
      order.toSorted((a, b) => speeds[b]! - speeds[a]! || a - b),
    );
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
