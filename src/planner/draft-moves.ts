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
  yield* laneMoves(draft, context);
  yield* shareMoves(scored);
  yield* cutMoves(draft, context);
  yield* layoutMoves(draft, context);
  yield* addMoves(draft, context);
  yield* partMoves(draft, context);
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
function withoutDevice(draft: Draft, device: number, used: readonly number[]): Draft | undefined {
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

/** Every split in proportion to how fast its parts were, as if time went with the share; of a grid, along each of its directions. */
export function balanced({ draft, placed }: Pick<Scored, 'draft' | 'placed'>, strength = 1): Draft {
  return draft.map((segment, at) => ({
    ...segment,
    lanes: segment.lanes.map((lane, index) => {
      const ms = placed.segments[at]!.lanes[index]!.tiles.map(({ computeMs }) => computeMs);
      const shares = sharesOf(lane.layout);
      if (shares) {
        if (shares.length < 2) return lane;
        return { ...lane, layout: withShares(lane.layout, evenedBy(shares, ms, strength)) };
      }
      if (lane.layout.cuts.length < 2) return lane;
      return { ...lane, layout: balancedGrid(lane.layout, ms, strength) };
    }),
  }));
}

const evenedBy = (shares: readonly number[], ms: readonly number[], strength: number): number[] => {
  const mean = meanOf(ms);
  return rounded(
    shares.map((share, part) => (ms[part]! > 0 ? share * (mean / ms[part]!) ** strength : share)),
  );
};

/** @param ms of the cells, the last cut's parts side by side. */
function balancedGrid({ cuts, ...rest }: Layout, ms: readonly number[], strength: number): Layout {
  let inner = ms.length;
  return {
    ...rest,
    cuts: cuts.map((cut) => {
      const { shares } = cut;
      inner /= shares.length;
      const along = shares.map((_, part) =>
        meanOf(ms.filter((_, cell) => Math.floor(cell / inner) % shares.length === part)),
      );
      return { ...cut, shares: evenedBy(shares, along, strength) };
    }),
  };
}

/** Lanes and parts in proportion to how busy their devices are not: what a rate takes, where others of their tasks count too. */
export function evened({ draft, placed }: Pick<Scored, 'draft' | 'placed'>, strength = 1): Draft {
  const loads = new Map<number, number>();
  for (const [at, { lanes }] of placed.segments.entries()) {
    const total = sum(lanes.map(({ share }) => share));
    for (const [index, { share, tiles }] of lanes.entries()) {
      for (const [part, { computeMs }] of tiles.entries()) {
        const device = draft[at]!.lanes[index]!.devices[part]!;
        loads.set(device, (loads.get(device) ?? 0) + (computeMs * share) / total);
      }
    }
  }
  const mean = sum([...loads.values()]) / loads.size;
  const factor = (device: number): number => (mean / (loads.get(device) || mean)) ** strength;
  return draft.map((segment) => ({
    ...segment,
    lanes: segment.lanes.map((lane) => {
      if (segment.lanes.length > 1) {
        return { ...lane, share: lane.share * Math.min(...lane.devices.map(factor)) };
      }
      const shares = sharesOf(lane.layout);
      if (!shares || shares.length < 2) return lane;
      const next = shares.map((share, part) => share * factor(lane.devices[part]!));
      return { ...lane, layout: withShares(lane.layout, rounded(next)) };
    }),
  }));
}

function* shareMoves(scored: Scored): Generator<Draft> {
  const { draft, placed } = scored;
  const msOf = (segment: number, lane: number): number[] =>
    placed.segments[segment]!.lanes[lane]!.tiles.map(({ computeMs }) => computeMs);
  for (const strength of [1, 0.5]) {
    yield balanced(scored, strength);
    if (draft.some(({ lanes }) => lanes.length > 1)) yield evened(scored, strength);
  }
  for (const [at, segment] of draft.entries()) {
    for (const [index, lane] of segment.lanes.entries()) {
      const shares = sharesOf(lane.layout);
      if (!shares || shares.length < 2) continue;
      for (const next of shiftedShares(shares, msOf(at, index))) {
        const layout = withShares(lane.layout, next);
        yield withSegment(draft, at, withLane(segment, index, { ...lane, layout }));
      }
      for (let part = 1; part < lane.devices.length; part++) {
        yield withSegment(draft, at, withLane(segment, index, swapped(lane, shares, part - 1, part)));
      }
    }
    if (segment.lanes.length < 2) continue;
    for (const [index, lane] of segment.lanes.entries()) {
      yield withSegment(draft, at, withLane(segment, index));
      for (const factor of [0.5, 2, 0.8, 1.25, 0.95, 1.05]) {
        yield withSegment(draft, at, withLane(segment, index, { ...lane, share: lane.share * factor }));
      }
    }
  }
}

/** Teams of this size are looked at pair by pair. */
const SMALL_TEAM = 4;

/** A part of one share goes to another; in large teams, from the slowest to the quickest. */
function* shiftedShares(shares: readonly number[], ms: readonly number[]): Generator<number[]> {
  const order = [...shares.keys()].sort((a, b) => ms[b]! - ms[a]! || a - b);
  const small = shares.length <= SMALL_TEAM;
  const givers = small ? order : order.slice(0, 2);
  const takers = small ? order : order.slice(-2);
  const total = shares.reduce((sum, share) => sum + share, 0);
  for (const part of [0.2, 0.08, 0.03]) {
    for (const from of givers) {
      const taken = Math.min(shares[from]!, total * part);
      if (taken <= 0) continue;
      for (const to of takers) {
        if (from === to) continue;
        yield rounded(
          shares.map((share, i) => (i === from ? share - taken : i === to ? share + taken : share)),
        );
      }
    }
  }
}

/** Two devices with their shares in each other's place: those at the ends have less of a halo. */
function swapped(lane: DraftLane, shares: readonly number[], a: number, b: number): DraftLane {
  const at = (index: number): number => (index === a ? b : index === b ? a : index);
  return {
    ...lane,
    devices: lane.devices.map((_, index) => lane.devices[at(index)]!),
    layout: withShares(
      lane.layout,
      shares.map((_, index) => shares[at(index)]!),
    ),
  };
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

/** Where a segment can be cut with least to send. */
function narrowest(space: SearchSpace, { start, end }: DraftSegment): number[] {
  const inside = space.cutPoints.filter((point) => point > start && point < end);
  return inside.sort((a, b) => space.bytesAt[a]! - space.bytesAt[b]! || a - b).slice(0, 6);
}

/** A part of a segment is cut off and dealt otherwise: either alone would be no gain. */
function* partMoves(draft: Draft, { space, speeds }: MoveContext): Generator<Draft> {
  const fastest = [...speeds.keys()].sort((a, b) => speeds[b]! - speeds[a]! || a - b).slice(0, SMALL_TEAM);
  for (const [at, segment] of draft.entries()) {
    const lane = segment.lanes[0]!;
    if (segment.lanes.length > 1) continue;
    const teams = [
      ...fastest
        .filter((device) => !lane.devices.includes(device))
        .map((device) => [...lane.devices, device]),
    ];
    if (lane.devices.length > 1) teams.unshift([...lane.devices]);
    for (const point of narrowest(space, segment)) {
      for (const team of teams) {
        for (const first of [true, false]) {
          const [start, end] = first ? [segment.start, point] : [point, segment.end];
          const rest = first ? { ...segment, start: point } : { ...segment, end: point };
          const rests = [rest];
          // Who joins in may be the better one to go on alone.
          if (lane.devices.length === 1) {
            rests.push({ ...rest, lanes: [{ ...lane, layout: WHOLE, devices: team.slice(-1) }] });
          }
          for (const shares of dealsTo(team, lane, speeds)) {
            for (const layout of layoutsOf(space, start, end, shares)) {
              const part = { start, end, lanes: [{ share: 1, layout, devices: team }] };
              for (const each of rests)
                yield withSegment(draft, at, ...(first ? [part, each] : [each, part]));
            }
          }
        }
      }
      for (const device of fastest) {
        if (lane.devices.length === 1 && lane.devices[0] === device) continue;
        const alone = [{ share: 1, layout: WHOLE, devices: [device] }];
        yield withSegment(
          draft,
          at,
          { start: segment.start, end: point, lanes: alone },
          { ...segment, start: point },
        );
        yield withSegment(
          draft,
          at,
          { ...segment, end: point },
          { start: point, end: segment.end, lanes: alone },
        );
      }
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

/** Of its speed, what a device that is new in a small team is dealt: with far devices and slow links it is little. */
const NEW_PARTS = [1, 1 / 3, 1 / 8];

/** Shares for a team that takes the work of a lane over. */
function dealsTo(team: readonly number[], lane: DraftLane, speeds: readonly number[]): (readonly number[])[] {
  const known = sharesOf(lane.layout) ?? lane.devices.map((device) => speeds[device]!);
  if (team === lane.devices && known.length === team.length) return [known];
  const bySpeed = team.map((device) => speeds[device]!);
  if (team.length > SMALL_TEAM) return [bySpeed];
  // Those who are in it keep theirs.
  const scale = sum(lane.devices.map((device) => speeds[device]!)) / sum(known);
  const deals = NEW_PARTS.map((part) =>
    team.map((device) => {
      const at = lane.devices.indexOf(device);
      return at < 0 ? speeds[device]! * part : known[at]! * scale;
    }),
  );
  return lane.devices.length > 1 ? [bySpeed, ...deals] : deals;
}

function* layoutMoves(draft: Draft, { space, speeds }: MoveContext): Generator<Draft> {
  const used = devicesOf(draft);
  const fastest = [...speeds.keys()].sort((a, b) => speeds[b]! - speeds[a]! || a - b).slice(0, 4);
  for (const [at, segment] of draft.entries()) {
    for (const [index, lane] of segment.lanes.entries()) {
      const teams = [lane.devices];
      if (segment.lanes.length === 1) {
        if (used.length > lane.devices.length) teams.push(used);
        // One more, of those with nothing to do the fastest.
        for (const device of fastest) {
          if (!lane.devices.includes(device))
            teams.push([...lane.devices, device], [device, ...lane.devices]);
        }
      }
      for (const team of teams) {
        if (team.length < 2) continue;
        for (const shares of dealsTo(team, lane, speeds)) {
          for (const layout of layoutsOf(space, segment.start, segment.end, shares)) {
            yield withSegment(draft, at, withLane(segment, index, { ...lane, layout, devices: team }));
          }
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

function* laneMoves(draft: Draft, { speeds }: MoveContext): Generator<Draft> {
  const used = devicesOf(draft);
  for (const [at, segment] of draft.entries()) {
    if (segment.lanes.length < 2) continue;
    // Who computes elsewhere may have time for some of the frames.
    for (const device of used) {
      if (segment.lanes.some(({ devices }) => devices.includes(device))) continue;
      const wider = withDevice(segment, device, speeds);
      const added = wider.lanes.at(-1)!;
      for (const part of [1, 0.4]) {
        const lanes = [...segment.lanes, { ...added, share: added.share * part }];
        yield withSegment(draft, at, { ...segment, lanes });
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
    const share = meanOf(
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
  const share = meanOf(shares.map((known, index) => known / speeds[lane.devices[index]!]!)) * speeds[device]!;
  const layout = withShares(lane.layout, rounded([...shares, share]));
  return { ...segment, lanes: [{ ...lane, layout, devices: [...lane.devices, device] }] };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const meanOf = (values: readonly number[]): number => sum(values) / values.length;
