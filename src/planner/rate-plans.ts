import { workMs } from './cost-model.ts';
import type { Draft, DraftLane } from './draft.ts';
import { leastLoad, type Option } from './least-load.ts';
import type { Places } from './places.ts';
import { WHOLE, type SearchSpace } from './search-space.ts';
import { leastTileBytes } from './tile-bytes.ts';
import type { Device } from './world.ts';

export interface LanesRequest {
  readonly space: SearchSpace;
  readonly devices: readonly Device[];
  readonly places: Places;
  readonly placeOf: readonly number[];
  readonly group: readonly number[];
  /** Ops at which the run is cut, ascending, both ends left out. */
  readonly cuts: readonly number[];
  readonly elementBytes: number;
}

export interface LanePlan {
  readonly draft: Draft;
  /** Of the busiest engine or link, milliseconds per frame. */
  readonly loadMs: number;
}

/** A lane with less than this part of what the largest one of its segment has is not worth its weights. */
const LEAST_SHARE = 0.01;

/** Of a device's engine, thread and radio, those that are not less busy than another one whatever it is dealt. */
function scarce(options: readonly (readonly number[])[]): number[] {
  const kept: number[] = [];
  for (const kind of [0, 1, 2]) {
    const isCovered = [0, 1, 2].some(
      (other) =>
        other !== kind &&
        options.every((amounts) => amounts[kind]! <= amounts[other]!) &&
        // Of two that are always alike the first stays.
        (other < kind || options.some((amounts) => amounts[kind]! < amounts[other]!)),
    );
    if (!isCovered) kept.push(kind);
  }
  return kept;
}

/**
 * Segments whose frames are dealt to whole devices, so that the busiest engine, uplink and downlink have as little to do as can
 * be. Pipelines, replicas and everything in between are such plans: who has no share in a segment has no lane there.
 * `undefined` where the memory of the group does not hold every segment somewhere.
 */
export function lanePlan(request: LanesRequest): LanePlan | undefined {
  const { space, devices, places, placeOf, group, cuts, elementBytes } = request;
  const ends = [...cuts, space.graph.nodes.length];
  const starts = [0, ...cuts];
  const costs = ends.map((end, segment) => space.tiles(starts[segment]!, end, WHOLE)![0]!);
  const bytesOn = (device: number, segments: readonly number[], window: number): number =>
    leastTileBytes(
      segments.map((segment) => costs[segment]!),
      window,
      devices[device]!.weightStorage,
    );
  const allowed = group.map((device) =>
    costs.map((_, segment) => bytesOn(device, [segment], 1) <= devices[device]!.memoryBytes),
  );
  for (let round = 0; round < 4 * group.length; round++) {
    const options: Option[] = [];
    let resourceCount = 0;
    const who: { readonly segment: number; readonly member: number }[] = [];
    for (const [member, device] of group.entries()) {
      const { profile } = devices[device]!;
      const { transport } = places.places[placeOf[device]!]!;
      const amounts: { readonly segment: number; readonly amounts: readonly number[] }[] = [];
      for (const [segment, { work, inputs }] of costs.entries()) {
        if (!allowed[member]![segment]) continue;
        const computeMs = profile.tileMs + workMs(work, profile);
        const image = segment === 0 && space.graph.inputs.every((input) => input.image);
        const inBytes =
          segment === 0 && image
            ? space.bytesAt[0]! / 4
            : (space.bytesAt[starts[segment]!]! * elementBytes) / 4;
        const outBytes = (space.bytesAt[ends[segment]!]! * elementBytes) / 4;
        const threadMs =
          transport.pieceMs * (inputs.length + 1) +
          inBytes * transport.receiveMsPerByte +
          outBytes * transport.sendMsPerByte;
        const outMs = Math.max(threadMs, outBytes / transport.uplinkBytesPerMs);
        amounts.push({ segment, amounts: [computeMs, outMs, inBytes / transport.downlinkBytesPerMs] });
      }
      const resources = scarce(amounts.map((option) => option.amounts));
      for (const { segment, amounts: each } of amounts) {
        const loads = resources.map((kind, index) => ({
          resource: resourceCount + index,
          amount: each[kind]!,
        }));
        options.push({ task: segment, loads });
        who.push({ segment, member });
      }
      resourceCount += resources.length;
    }
    const shares = leastLoad(costs.length, resourceCount, options);
    if (!shares) return undefined;
    const lanes: { member: number; share: number }[][] = costs.map(() => []);
    const largest = costs.map(() => 0);
    for (const [index, share] of shares.entries()) {
      const { segment } = who[index]!;
      largest[segment] = Math.max(largest[segment]!, share);
    }
    for (const [index, share] of shares.entries()) {
      const { segment, member } = who[index]!;
      if (share > 0 && share >= LEAST_SHARE * largest[segment]!) lanes[segment]!.push({ member, share });
    }
    const full = fullest(lanes);
    if (full < 0) {
      const used = new Float64Array(resourceCount);
      for (const [index, { loads }] of options.entries()) {
        for (const { resource, amount } of loads) used[resource]! += amount * shares[index]!;
      }
      const draft = lanes.map((each, segment) => ({
        start: starts[segment]!,
        end: ends[segment]!,
        lanes: each.map(({ member, share }): DraftLane => ({
          share,
          layout: WHOLE,
          devices: [group[member]!],
        })),
      }));
      return { draft, loadMs: Math.max(...used) };
    }
    // The smallest part of whoever has too much goes to others.
    let least = { segment: -1, share: Infinity };
    for (const [segment, each] of lanes.entries()) {
      for (const { member, share } of each) {
        if (member === full && share < least.share) least = { segment, share };
      }
    }
    allowed[full]![least.segment] = false;
  }
  return undefined;

  /** A member whose segments do not fit into its memory together, or −1. */
  function fullest(lanes: readonly (readonly { readonly member: number }[])[]): number {
    for (const [member, device] of group.entries()) {
      const held = [...lanes.keys()].filter((segment) =>
        lanes[segment]!.some((lane) => lane.member === member),
      );
      if (held.length > 1 && bytesOn(device, held, 2) > devices[device]!.memoryBytes) return member;
    }
    return -1;
  }
}
