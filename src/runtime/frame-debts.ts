import { REQUESTER, type CompiledPlan } from '../planner/compiled-plan.ts';
import type { PeerId } from '../shared/ids.ts';
import type { FrameEntry, FramesInFlight } from './frames-in-flight.ts';
import type { Debt } from './leases.ts';
import type { ExpectedMs } from './tile-times.ts';

export interface FrameDebtsOptions {
  readonly compiled: CompiledPlan;
  readonly frames: FramesInFlight;
  readonly entry: FrameEntry;
  readonly expectedMs: ExpectedMs;
}

/**
 * Who holds a frame up: a peer whose tile has all that goes into it on the way (its producers have reported), or one that
 * has computed a piece of the result which is not here.
 */
export function frameDebts({ compiled, frames, entry, expectedMs }: FrameDebtsOptions): Debt[] {
  const { lanes, frame, startedAt } = entry;
  const peersOf = (segment: number, tile: number): PeerId[] =>
    segment === REQUESTER ? [] : [compiled.tile(segment, lanes[segment]!, tile).peer];
  const madeMs = (segment: number, tile: number): number | undefined => {
    if (segment === REQUESTER) return startedAt;
    // A tile without work reports nothing.
    const hasWork = compiled.program(segment, lanes[segment]!, tile).steps.length > 0;
    return hasWork ? frames.doneMs(frame, segment, tile) : startedAt;
  };
  const debts: Debt[] = [];
  for (const { segment, lane, tile, peer } of frames.missingTiles(entry)) {
    const { inputs } = compiled.program(segment, lane, tile);
    const sources = inputs.flatMap((_, input) => compiled.inputPieces(lanes, segment, tile, input));
    const times = sources.map((piece) => madeMs(piece.segment, piece.tile));
    if (times.includes(undefined)) continue;
    debts.push({
      peer,
      sinceMs: Math.max(startedAt, ...times.map((time) => time ?? startedAt)),
      expectedMs: expectedMs(segment, lane, tile),
      upstream: [...new Set(sources.flatMap((piece) => peersOf(piece.segment, piece.tile)))],
    });
  }
  for (const [output, assembly] of entry.outputs.entries()) {
    if (assembly.complete) continue;
    for (const { segment, tile } of compiled.outputPieces(lanes, output)) {
      const sinceMs = segment === REQUESTER ? undefined : frames.doneMs(frame, segment, tile);
      if (sinceMs === undefined) continue;
      for (const peer of peersOf(segment, tile)) {
        debts.push({ peer, sinceMs, expectedMs: undefined, upstream: [] });
      }
    }
  }
  return debts;
}
