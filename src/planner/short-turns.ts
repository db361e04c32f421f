import { elapsedTo } from './chain-path.ts';
import type { Draft, DraftSegment } from './draft.ts';
import type { RangeCosts } from './range-costs.ts';
import type { Scored, Scorer } from './scoring.ts';
import type { SearchSpace } from './search-space.ts';

/** Into how many parts what a lane computes is cut, if memory has room for what lies between them. */
const PARTS = [6, 4, 3, 2];
/** So many times as long as what waits for it. */
const LONG = 4;
/** Turns that last for less keep nobody waiting for long. */
const LONG_TURN_MS = 1000;
/** That waiting less may cost where all is as expected. */
const TOLERANCE = 1.02;

/**
 * The same plan with shorter turns: devices of lanes that have a part in what every frame needs keep it waiting, each for up to as long as its lane
 * takes for a frame. In a simulation lanes come to work in step and hardly wait; real times have noise, and frames wait for the last of
 * many devices. So lanes are cut where little lies between, and every device has its part between two of its turns.
 */
export function withShortTurns(scored: Scored, scorer: Scorer, costs: RangeCosts): Scored {
  const { space, devices } = scorer.context;
  let best = scored;
  for (const [at, segment] of scored.draft.entries()) {
    if (!keepsWaiting(scored, at)) continue;
    const elapsedMs = elapsedTo(costs, devices[segment.lanes[0]!.devices[0]!]!);
    for (const parts of PARTS) {
      const ends = cutsOf(segment, space, elapsedMs, parts);
      if (ends.length === 0) continue;
      const cut = scorer.score(replaced(best.draft, segment, ends), scored.codec);
      if (!cut || cut.cost > TOLERANCE * scored.cost) continue;
      best = cut;
      break;
    }
  }
  return best;
}

/** Whether a lane of this segment is one device, with a much shorter part of a segment without lanes. */
function keepsWaiting({ draft, placed }: Scored, at: number): boolean {
  const { lanes } = draft[at]!;
  if (lanes.length < 2 || lanes.some(({ devices }) => devices.length > 1)) return false;
  return placed.segments[at]!.lanes.some((lane) => {
    const { place, computeMs } = lane.tiles[0]!;
    if (computeMs < LONG_TURN_MS) return false;
    return placed.segments.some(
      (other) =>
        other.lanes.length === 1 &&
        other.lanes[0]!.tiles.some((tile) => tile.place === place && LONG * tile.computeMs < computeMs),
    );
  });
}

/** Points that make parts of about equal work, each the one near it where least lies between. */
function cutsOf(
  { start, end }: DraftSegment,
  { cutPoints, bytesAt }: SearchSpace,
  elapsedMs: readonly number[],
  parts: number,
): number[] {
  const [first, last] = [cutPoints.indexOf(start), cutPoints.indexOf(end)];
  const partMs = (elapsedMs[last]! - elapsedMs[first]!) / parts;
  const ends = new Set<number>();
  for (let part = 1; part < parts; part++) {
    let least: number | undefined;
    for (let index = first + 1; index < last; index++) {
      if (Math.abs(elapsedMs[index]! - elapsedMs[first]! - part * partMs) > partMs / 2) continue;
      if (least === undefined || bytesAt[cutPoints[index]!]! < bytesAt[least]!) least = cutPoints[index];
    }
    if (least !== undefined) ends.add(least);
  }
  return [...ends].sort((a, b) => a - b);
}

const replaced = (draft: Draft, segment: DraftSegment, ends: readonly number[]): Draft =>
  draft.flatMap((each) => {
    if (each !== segment) return [each];
    const points = [segment.start, ...ends, segment.end];
    return points.slice(1).map((end, index) => ({ ...segment, start: points[index]!, end }));
  });
