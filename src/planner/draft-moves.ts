import type { Draft, DraftLane, DraftSegment } from './draft.ts';
import { devicesOf } from './draft.ts';
import { layoutSize, WHOLE, type Layout, type SearchSpace } from './search-space.ts';
import type { Scored } from './scoring.ts';
import type { Cut } from './splits.ts';

export interface MoveContext {
  readonly space: SearchSpace;
  /** Relative speed of each device for this model. */
  readonly speeds: readonly number[];
}

const withSegment = (draft: Draft, at: number, ...segments: readonly DraftSegment[]): Draft => [
  ...draft.slice(0, at),
  ...segments,
  ...draft.slice(at + 1),
];

const withLane = (segment: DraftSegment, at: number, ...lanes: readonly DraftLane[]): DraftSegment => ({
  ...segment,
  lanes: [...segment.lanes.slice(0, at), ...lanes, ...segment.lanes.slice(at + 1)],
});

/** A layout cut once, with other shares. */
function withShares({ cuts, sum }: Layout, shares: readonly number[]): Layout {
  return sum ? { cuts: [], sum: { ...sum, shares } } : { cuts: [{ ...cuts[0]!, shares }] };
}

/** The shares of a layout that is cut once. */
export function sharesOf({ cuts, sum }: Layout): readonly number[] | undefined {
  if (sum) return cuts.length === 0 ? sum.shares : undefined;
  return cuts.length === 1 ? cuts[0]!.shares : undefined;
}

const rounded = (shares: readonly number[]): number[] => {
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => Math.round((share / total) * 1e4) / 1e4);
};

/** Every draft that is one step away, those first that are most likely to be better. */
export function* movesFrom(scored: Scored, context: MoveContext): Generator<Draft> {
  const { draft } = scored;
  yield* dropMoves(draft);
  yield* shareMoves(scored);
  yield* cutMoves(draft, context);
  yield* layoutMoves(draft, context);
  yield* addMoves(draft, context);
}

function* dropMoves(draft: Draft): Generator<Draft> {
  const used = devicesOf(draft);
  if (used.length < 2) return;
  for (const device of used) {
    const without = withoutDevice(draft, device, used);
    if (without) yield without;
  }
}

/** The same without a device: its parts go to who shares them, its lanes to the other lanes, and what it does alone to another. */
export function withoutDevice(draft: Draft, device: number, used: readonly number[]): Draft | undefined {
  const other = used.find((each) => each !== device);
  if (other === undefined) return undefined;
  const segments: DraftSegment[] = [];
  for (const segment of draft) {
    const lanes: DraftLane[] = [];
    for (const lane of segment.lanes) {
      if (!lane.devices.includes(device)) {
        lanes.push(lane);
        continue;
      }
      const shares = sharesOf(lane.layout);
      if (!shares) {
        if (layoutSize(lane.layout) > 1) {
          lanes.push({ ...lane, devices: lane.devices.map((each) => (each === device ? other : each)) });
        } else if (segment.lanes.length === 1) lanes.push({ ...lane, devices: [other] });
        continue;
      }
      const keep = lane.devices.map((each) => each !== device);
      const devices = lane.devices.filter((_, index) => keep[index]);
      if (devices.length === 0) continue;
      const left = shares.filter((_, index) => keep[index]);
      if (!left.some((share) => share > 0)) return undefined;
      lanes.push({ ...lane, devices, layout: devices.length === 1 ? WHOLE : withShares(lane.layout, left) });
    }
    if (lanes.length === 0) lanes.push({ share: 1, layout: WHOLE, devices: [other] });
    segments.push({ ...segment, lanes });
  }
  return segments;
}

/** Every split in proportion to how fast its parts were, as if time went with the share. */
export function balanced({ draft, placed }: Pick<Scored, 'draft' | 'placed'>, strength = 1): Draft {
  return draft.map((segment, at) => ({
    ...segment,
    lanes: segment.lanes.map((lane, index) => {
      const shares = sharesOf(lane.layout);
      if (!shares || shares.length < 2) return lane;
      const ms = placed.segments[at]!.lanes[index]!.tiles.map(({ computeMs }) => computeMs);
      const mean = ms.reduce((sum, each) => sum + each, 0) / ms.length;
      const next = shares.map((share, part) =>
        ms[part]! > 0 ? share * (mean / ms[part]!) ** strength : share,
      );
      return { ...lane, layout: withShares(lane.layout, rounded(next)) };
    }),
  }));
}

function* shareMoves(scored: Scored): Generator<Draft> {
  const { draft, placed } = scored;
  const msOf = (segment: number, lane: number): number[] =>
    placed.segments[segment]!.lanes[lane]!.tiles.map(({ computeMs }) => computeMs);
  for (const strength of [1, 0.5]) yield balanced(scored, strength);
  for (const [at, segment] of draft.entries()) {
    for (const [index, lane] of segment.lanes.entries()) {
      const shares = sharesOf(lane.layout);
      if (!shares || shares.length < 2) continue;
      const ms = msOf(at, index);
      const slowest = ms.indexOf(Math.max(...ms));
      const total = shares.reduce((sum, share) => sum + share, 0);
      for (const part of [0.06, 0.02]) {
        const taken = Math.min(shares[slowest]!, total * part);
        const next = shares.map((share, i) =>
          i === slowest ? share - taken : share + taken / (shares.length - 1),
        );
        yield withSegment(
          draft,
          at,
          withLane(segment, index, { ...lane, layout: withShares(lane.layout, rounded(next)) }),
        );
      }
    }
    if (segment.lanes.length < 2) continue;
    for (const [index, lane] of segment.lanes.entries()) {
      for (const factor of [0.8, 1.25, 0.95, 1.05]) {
        yield withSegment(draft, at, withLane(segment, index, { ...lane, share: lane.share * factor }));
      }
    }
  }
}

function* cutMoves(draft: Draft, { space }: MoveContext): Generator<Draft> {
  for (const [at, segment] of draft.entries()) {
    const next = draft[at + 1];
    if (next) {
      for (const lanes of [segment.lanes, next.lanes]) {
        yield [...draft.slice(0, at), { start: segment.start, end: next.end, lanes }, ...draft.slice(at + 2)];
      }
      const points = space.cutPoints.filter((point) => point > segment.start && point < next.end);
      const near = [
        points.findLast((point) => point < segment.end),
        points.find((point) => point > segment.end),
      ];
      for (const end of near) {
        if (end === undefined) continue;
        yield [...draft.slice(0, at), { ...segment, end }, { ...next, start: end }, ...draft.slice(at + 2)];
      }
    }
    const inside = space.cutPoints.filter((point) => point > segment.start && point < segment.end);
    const middle = inside[inside.length >> 1];
    const places =
      inside.length <= 4 ? inside : [inside[0]!, inside[inside.length >> 2]!, middle!, inside.at(-1)!];
    for (const point of new Set(places)) {
      yield withSegment(draft, at, { ...segment, end: point }, { ...segment, start: point });
    }
  }
}

const AXES = ['depth', 'height', 'width', 'channel'] as const;

/** Every layout of a segment over these devices, in proportion to the shares. */
export function layoutsOf(
  space: SearchSpace,
  start: number,
  end: number,
  shares: readonly number[],
): Layout[] {
  const layouts: Layout[] = [];
  const count = shares.length;
  const cuttable = AXES.filter((axis) => space.extent(start, end, axis) > 1);
  for (const axis of cuttable) layouts.push({ cuts: [{ axis, shares }] });
  if (space.sumDomain(start, end)) {
    for (const axis of ['channel', 'height'] as const) layouts.push({ cuts: [], sum: { axis, shares } });
  }
  const equal = (parts: number): number[] => new Array<number>(parts).fill(1);
  for (const [a, first] of cuttable.entries()) {
    for (const second of cuttable.slice(a + 1)) {
      for (const parts of [2, 3, 4]) {
        if (count % parts !== 0 || count === parts) continue;
        const cuts: Cut[] = [
          { axis: first, shares: equal(count / parts) },
          { axis: second, shares: equal(parts) },
        ];
        layouts.push({ cuts });
      }
    }
  }
  return layouts;
}

function* layoutMoves(draft: Draft, { space, speeds }: MoveContext): Generator<Draft> {
  const used = devicesOf(draft);
  for (const [at, segment] of draft.entries()) {
    for (const [index, lane] of segment.lanes.entries()) {
      const teams = [lane.devices];
      if (segment.lanes.length === 1 && used.length > lane.devices.length) teams.push(used);
      for (const team of teams) {
        if (team.length < 2) continue;
        const known = team === lane.devices ? sharesOf(lane.layout) : undefined;
        const shares = known && known.length === team.length ? known : team.map((device) => speeds[device]!);
        for (const layout of layoutsOf(space, segment.start, segment.end, shares)) {
          yield withSegment(draft, at, withLane(segment, index, { ...lane, layout, devices: team }));
        }
      }
      if (segment.lanes.length > 1) continue;
      for (const device of used) {
        if (lane.devices.length === 1 && lane.devices[0] === device) continue;
        yield withSegment(draft, at, withLane(segment, index, { ...lane, layout: WHOLE, devices: [device] }));
      }
    }
  }
}

function* addMoves(draft: Draft, { speeds }: MoveContext): Generator<Draft> {
  const used = new Set(devicesOf(draft));
  for (const device of speeds.keys()) {
    if (used.has(device)) continue;
    const everywhere = draft.map((segment) => withDevice(segment, device, speeds));
    yield everywhere;
    for (const [at, segment] of draft.entries()) {
      if (everywhere[at] !== segment) yield withSegment(draft, at, everywhere[at]!);
      for (const [index, lane] of segment.lanes.entries()) {
        if (lane.devices.length === 1) {
          yield withSegment(draft, at, withLane(segment, index, { ...lane, devices: [device] }));
        }
      }
    }
  }
}

/** Joins in where work is shared already: a part of every split, a lane beside others. */
export function withDevice(segment: DraftSegment, device: number, speeds: readonly number[]): DraftSegment {
  if (segment.lanes.length > 1) {
    const share = meanBySpeed(
      segment.lanes.map(({ share: known, devices }) => known / sum(devices.map((each) => speeds[each]!))),
    );
    return {
      ...segment,
      lanes: [...segment.lanes, { share: share * speeds[device]!, layout: WHOLE, devices: [device] }],
    };
  }
  const lane = segment.lanes[0]!;
  const shares = sharesOf(lane.layout);
  if (!shares || shares.length < 2) return segment;
  const share =
    meanBySpeed(shares.map((known, index) => known / speeds[lane.devices[index]!]!)) * speeds[device]!;
  const layout = withShares(lane.layout, rounded([...shares, share]));
  return { ...segment, lanes: [{ ...lane, layout, devices: [...lane.devices, device] }] };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const meanBySpeed = (values: readonly number[]): number => sum(values) / values.length;
