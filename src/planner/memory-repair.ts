import { PeerceptronError } from '../shared/errors.ts';
import {
  draftBytes,
  layDraft,
  windowThatFits,
  type Draft,
  type DraftLane,
  type DraftSegment,
} from './draft.ts';
import { sharesOf } from './draft-moves.ts';
import { memoryOfTiles } from './memory.ts';
import { WHOLE, type SearchSpace, type TileCost } from './search-space.ts';
import { loadingOf } from './tile-bytes.ts';
import type { Device } from './world.ts';

const ROUNDS = 12;
/** How often segments are cut in two before weights are moved again. */
const CUT_ROUNDS = 4;

/**
 * A draft that fits: parts of weights go from devices that have no room for them to those that have, what one device
 * cannot hold is split among the others, and where that does not help, segments are cut: the weights of a tile come together, and some engines
 * keep all that it makes until it is done. `undefined` where nothing helps.
 */
export function withinMemory(
  space: SearchSpace,
  draft: Draft,
  devices: readonly Device[],
  group: readonly number[],
): Draft | undefined {
  let current: Draft | undefined = draft;
  for (let round = 0; round <= CUT_ROUNDS && current; round++) {
    const fitting = withWeightsMoved(space, current, devices, group);
    if (fitting) return fitting;
    current = withSmallerTiles(space, current, devices);
  }
  return undefined;
}

/** Segments that keep much at once on devices that have no room for it, in two; `undefined` where none can be cut. */
function withSmallerTiles(space: SearchSpace, draft: Draft, devices: readonly Device[]): Draft | undefined {
  const laid = layDraft(space, draft);
  if (!laid) return undefined;
  const need = draftBytes(laid, devices);
  /** What a smaller tile would have less of. */
  const passing = (device: number, cost: TileCost): number =>
    devices[device]!.weightStorage === 'once' ? loadingOf(cost) : cost.workBytes;
  const most = devices.map(() => 0);
  for (const { device, cost } of laid.flatMap((lanes) => lanes.flatMap(({ tiles }) => tiles))) {
    most[device] = Math.max(most[device]!, passing(device, cost));
  }
  let isCut = false;
  const next = draft.flatMap((segment, at) => {
    const keepsMuch = laid[at]!.some(({ tiles }) =>
      tiles.some(
        ({ device, cost }) =>
          need[device]! > devices[device]!.memoryBytes && passing(device, cost) > most[device]! / 2,
      ),
    );
    const point = keepsMuch ? middleOf(space, segment) : undefined;
    if (point === undefined || segment.lanes.some(({ layout }) => layout.sum)) return [segment];
    isCut = true;
    return [
      { ...segment, end: point },
      { ...segment, start: point },
    ];
  });
  return isCut ? next : undefined;
}

/** The cut point at which about half of what the segment makes is made, and half of its weights are used. */
function middleOf(space: SearchSpace, { start, end }: DraftSegment): number | undefined {
  const inside = space.cutPoints.filter((point) => point > start && point < end);
  if (inside.length === 0) return undefined;
  const made = (from: number, to: number): number => {
    const { weightBytes, workBytes } = space.tiles(from, to, WHOLE)![0]!;
    return weightBytes + workBytes;
  };
  const half = made(start, end) / 2;
  let sum = 0;
  let from = start;
  for (const point of inside) {
    sum += made(from, point);
    if (sum >= half) return point;
    from = point;
  }
  return inside.at(-1);
}

function withWeightsMoved(
  space: SearchSpace,
  draft: Draft,
  devices: readonly Device[],
  group: readonly number[],
): Draft | undefined {
  let current = draft;
  for (let round = 0; round < ROUNDS; round++) {
    const laid = layDraft(space, current);
    if (!laid) return undefined;
    if (windowThatFits(laid, devices, 1) > 0) return current;
    const need = draftBytes(laid, devices);
    const room = devices.map(({ memoryBytes }, device) => memoryBytes - need[device]!);
    const next = current.map((segment, at) => ({
      ...segment,
      lanes: segment.lanes.map((lane, index): DraftLane => {
        const over = lane.devices.some((device) => room[device]! < 0);
        if (!over) return lane;
        const tiles = laid[at]![index]!.tiles;
        const weights = tiles.reduce((total, { cost }) => total + cost.weightBytes, 0);
        if (lane.devices.length === 1) {
          const device = lane.devices[0]!;
          // What is heaviest there is in the way.
          if (weights * 2 < need[device]! / 3) return lane;
          return splitAmong(space, segment.start, segment.end, lane, group, room) ?? lane;
        }
        const shares = sharesOf(lane.layout);
        const splitsWeights = lane.layout.sum !== undefined || lane.layout.cuts[0]?.axis === 'channel';
        if (!shares) return lane;
        const kept = shares.map((share, part) => {
          const device = lane.devices[part]!;
          if (room[device]! >= 0 || share === 0) return share;
          const mine = tiles[part]!.cost.weightBytes * 2;
          if (!splitsWeights) return mine > need[device]! / 2 ? 0 : share;
          return share * Math.max(0, 1 + (1.05 * room[device]!) / Math.max(mine, 1));
        });
        if (!kept.some((share) => share > 0)) return lane;
        if (kept.every((share, part) => share === shares[part])) return lane;
        const { cuts, sum } = lane.layout;
        const layout = sum
          ? { cuts: [], sum: { ...sum, shares: kept } }
          : { cuts: [{ ...cuts[0]!, shares: kept }] };
        return { ...lane, layout };
      }),
    }));
    // There is nothing that could be moved.
    if (next.every(({ lanes }, at) => lanes.every((lane, index) => lane === current[at]!.lanes[index])))
      return undefined;
    current = next;
  }
  return undefined;
}

function splitAmong(
  space: SearchSpace,
  start: number,
  end: number,
  lane: DraftLane,
  group: readonly number[],
  room: readonly number[],
): DraftLane | undefined {
  const shares = group.map((device) => Math.max(0, room[device]!));
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total <= 0) return undefined;
  const layout = { cuts: [{ axis: 'channel' as const, shares }] };
  const tiles = space.tiles(start, end, layout);
  if (tiles && space.extent(start, end, 'channel') > 1) return { ...lane, layout, devices: group };
  const roomiest = group.reduce((best, device) => (room[device]! > room[best]! ? device : best), group[0]!);
  return { ...lane, layout: WHOLE, devices: [roomiest] };
}

/** What to say where the devices cannot hold the model together. */
export function memoryRefusal(space: SearchSpace, devices: readonly Device[]): PeerceptronError {
  const whole = space.tiles(0, space.graph.nodes.length, WHOLE)![0]!;
  const needs = devices.map(
    ({ weightStorage }) => memoryOfTiles([whole.program], 1, weightStorage).totalBytes,
  );
  const least = Math.min(...needs);
  const offered = devices.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  const roomiest = devices.reduce((best, device) => (device.memoryBytes > best.memoryBytes ? device : best));
  const missing = Math.max(0, least - offered);
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  const where =
    missing > 0
      ? `${megabytes(missing)} are missing`
      : `no split was found that fits: the roomiest device, ${roomiest.name}, would need ${megabytes(least - roomiest.memoryBytes)} more to hold it alone`;
  return new PeerceptronError(
    'PLAN_MEMORY',
    `the model '${space.graph.name}' takes about ${megabytes(least)} on one device, and the ${devices.length} device${
      devices.length === 1 ? '' : 's'
    } of the room offer ${megabytes(offered)} together: ${where}; let another device join, or offer more memory`,
    { details: { neededBytes: least, offeredBytes: offered, missingBytes: missing } },
  );
}
