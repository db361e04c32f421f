import type { Draft, DraftSegment } from './draft.ts';
import type { RangeCosts } from './range-costs.ts';
import { roomOf, wholeRunsOf } from './whole-runs.ts';
import type { Device } from './world.ts';

export interface ChainRequest {
  readonly costs: RangeCosts;
  readonly devices: readonly Device[];
  /** Who may follow whom; devices may be left out. */
  readonly order: readonly number[];
  /** Frames in flight that every device has room for. */
  readonly frames: number;
}

interface Stage {
  /** Of the slowest stage so far, milliseconds. */
  readonly ms: number;
  readonly device: number;
  readonly from: number;
  readonly before: Stage | undefined;
}

/**
 * A pipeline of devices in this order whose slowest stage is as quick as can be: compute, what arrives, what leaves. Dynamic programming
 * over cut points, exact as far as that goes. `undefined` where memory does not suffice.
 */
export function chainPath({ costs, devices, order, frames }: ChainRequest): Draft | undefined {
  const { space } = costs;
  const { cutPoints, bytesAt } = space;
  const wholeRuns = wholeRunsOf(space);
  const last = cutPoints.length - 1;
  const best: (Stage | undefined)[] = cutPoints.map(() => undefined);
  for (const device of order) {
    const { profile } = devices[device]!;
    const { uplinkBytesPerMs, downlinkBytesPerMs } = profile.transport;
    const room = { ...roomOf(devices[device]!), frames };
    const msTo = elapsedMs(costs, devices[device]!);
    // Behind this device only those that come later: what it reaches is noted when all its stages are known.
    const reached = new Map<number, Stage>();
    for (let from = 0; from < last; from++) {
      const before = best[from];
      if (from > 0 && !before) continue;
      // Pictures travel as bytes.
      const inMs = (bytesAt[cutPoints[from]!]! / downlinkBytesPerMs) * (from === 0 ? 0.25 : 1);
      const leastMs = Math.max(before?.ms ?? 0, inMs);
      for (let to = wholeRuns.reach(from, room); to > from; to--) {
        const computeMs = profile.tileMs + msTo[to]! - msTo[from]!;
        const outMs = to === last ? 0 : bytesAt[cutPoints[to]!]! / uplinkBytesPerMs;
        const ms = Math.max(leastMs, computeMs, outMs);
        const known = reached.get(to) ?? best[to];
        if (!known || ms < known.ms) reached.set(to, { ms, device, from, before });
      }
    }
    for (const [to, stage] of reached) best[to] = stage;
  }
  let stage = best[last];
  if (!stage) return undefined;
  const segments: DraftSegment[] = [];
  for (let to = last; stage; stage = stage.before) {
    const room = { ...roomOf(devices[stage.device]!), frames };
    segments.unshift(...wholeRuns.segments(stage.from, to, stage.device, room)!);
    to = stage.from;
  }
  return segments;
}

/** Of a device, from the beginning to each cut point. */
function elapsedMs(costs: RangeCosts, { profile }: Device): number[] {
  const times = costs.times(profile, 'channel');
  let ms = 0;
  let op = 0;
  return costs.space.cutPoints.map((point) => {
    for (; op < point; op++) ms += times[op]!.fixedMs + times[op]!.partMs;
    return ms;
  });
}
