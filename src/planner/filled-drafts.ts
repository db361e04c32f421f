import type { Draft, DraftSegment } from './draft.ts';
import { weightCopies } from './memory.ts';
import { WHOLE, type Layout, type SearchSpace, type TileCost } from './search-space.ts';
import { tileBytes } from './tile-bytes.ts';
import { roomOf, wholeRunsOf } from './whole-runs.ts';
import type { Device } from './world.ts';

/** What a device holds of a draft in the making. */
class Holding {
  readonly #device: Device;
  /** By the op that they begin with: in the order in which the device loads them. */
  readonly #tiles: { readonly start: number; readonly cost: TileCost }[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** Bytes that are left beside this tile, with one frame in flight; negative where it does not fit. */
  roomBeside(start: number, cost: TileCost): number {
    const { memoryBytes, weightStorage } = this.#device;
    const costs = inserted(this.#tiles, { start, cost }).map((tile) => tile.cost);
    return memoryBytes - tileBytes(costs, 1, weightStorage);
  }

  take(start: number, cost: TileCost): void {
    this.#tiles.splice(0, this.#tiles.length, ...inserted(this.#tiles, { start, cost }));
  }
}

const inserted = <T extends { readonly start: number }>(tiles: readonly T[], tile: T): T[] => {
  const at = tiles.findIndex(({ start }) => start > tile.start);
  return at < 0 ? [...tiles, tile] : [...tiles.slice(0, at), tile, ...tiles.slice(at)];
};

/**
 * Drafts for devices that have hardly enough memory together, fast ones and roomy ones filled first: op by op, each behind
 * the one before it for as long as there is room, then on the next device; what no device can hold is split among several.
 */
export function filledDrafts(
  space: SearchSpace,
  devices: readonly Device[],
  speeds: readonly number[],
): Draft[] {
  const orders = [speeds, devices.map(({ memoryBytes }) => memoryBytes)].map((value) =>
    [...devices.keys()].sort((a, b) => value[b]! - value[a]! || a - b),
  );
  return orders.flatMap((order) => {
    const filled = filledDraft(space, devices, order);
    return filled ? [joined(space, filled, devices), filled] : [];
  });
}

function filledDraft(
  space: SearchSpace,
  devices: readonly Device[],
  order: readonly number[],
): Draft | undefined {
  const holdings = devices.map((device) => new Holding(device));
  const starts = space.cutPoints.slice(0, -1);
  const segments = new Map<number, DraftSegment>();
  const put = (start: number, end: number, layout: Layout, team: readonly number[]): void => {
    for (const [part, cost] of space.tiles(start, end, layout)!.entries())
      holdings[team[part]!]!.take(start, cost);
    segments.set(start, { start, end, lanes: [{ share: 1, layout, devices: team }] });
  };
  const split = (start: number, end: number): boolean => {
    const found = splitOf(space, start, end, order, holdings);
    if (found) put(start, end, found.layout, found.team);
    return found !== undefined;
  };
  const ends = new Map(starts.map((start, index) => [start, space.cutPoints[index + 1]!]));
  // What is too much for any device takes room of all of them: it comes first.
  for (const [start, end] of ends) {
    const whole = space.tiles(start, end, WHOLE)![0]!;
    const fits = order.some((device) => new Holding(devices[device]!).roomBeside(start, whole) >= 0);
    if (!fits && !split(start, end)) return undefined;
  }
  let current = order[0]!;
  for (const [start, end] of ends) {
    if (segments.has(start)) continue;
    const whole = space.tiles(start, end, WHOLE)![0]!;
    const next = [current, ...order].find((device) => holdings[device]!.roomBeside(start, whole) >= 0);
    if (next !== undefined) put(start, end, WHOLE, [(current = next)]);
    else if (!split(start, end)) return undefined;
  }
  return starts.map((start) => segments.get(start)!);
}

const AXES = ['channel', 'height', 'width', 'depth'] as const;

/** Ops that are too much for any device, among few devices, the roomiest first, each with as much as it has room for. */
function splitOf(
  space: SearchSpace,
  start: number,
  end: number,
  order: readonly number[],
  holdings: readonly Holding[],
): { readonly layout: Layout; readonly team: readonly number[] } | undefined {
  const whole = space.tiles(start, end, WHOLE)![0]!;
  for (const axis of AXES) {
    if (space.extent(start, end, axis) < 2) continue;
    // Parts of channels have parts of the weights, and all inputs; parts of rows the other way round.
    const shared: TileCost = axis === 'channel'
      ? { ...whole, weightBytes: 0, workBytes: 0, liveBytes: 0 }
      : { ...whole, inputBytes: 0, workBytes: 0, liveBytes: 0 }; // prettier-ignore
    const room = holdings.map((holding) => holding.roomBeside(start, shared));
    const able = order.filter((device) => room[device]! > 0).sort((a, b) => room[b]! - room[a]!);
    for (let size = 2; size <= able.length; size++) {
      const team = able.slice(0, size).sort((a, b) => order.indexOf(a) - order.indexOf(b));
      const layout: Layout = { cuts: [{ axis, shares: team.map((device) => room[device]!) }] };
      const tiles = space.tiles(start, end, layout);
      if (tiles?.every((cost, part) => holdings[team[part]!]!.roomBeside(start, cost) >= 0))
        return { layout, team };
    }
  }
  return undefined;
}

/** The same with as few tiles as the memory of each device allows. */
function joined(space: SearchSpace, draft: Draft, devices: readonly Device[]): Draft {
  const runs = wholeRunsOf(space);
  const next: DraftSegment[] = [];
  for (let at = 0; at < draft.length;) {
    const { start, lanes } = draft[at]!;
    const [device, ...others] = lanes[0]!.devices;
    let last = at;
    const isSame = (segment: DraftSegment | undefined): boolean =>
      segment?.lanes[0]!.devices.length === 1 && segment.lanes[0].devices[0] === device;
    while (others.length === 0 && isSame(draft[last + 1])) last += 1;
    const from = space.cutPoints.indexOf(start);
    const to = space.cutPoints.indexOf(draft[last]!.end);
    const elsewhere = draft.reduce((sum, segment, index) => {
      const part = index >= at && index <= last ? -1 : segment.lanes[0]!.devices.indexOf(device!);
      if (part < 0) return sum;
      const cost = space.tiles(segment.start, segment.end, segment.lanes[0]!.layout)![part]!;
      return sum + cost.weightBytes * weightCopies(devices[device!]!.weightStorage) + cost.inputBytes;
    }, 0);
    const room = roomOf(devices[device!]!);
    const run = last > at && runs.segments(from, to, device!, { ...room, bytes: room.bytes - elsewhere });
    next.push(...(run || draft.slice(at, last + 1)));
    at = last + 1;
  }
  return next;
}
