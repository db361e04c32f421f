import { definitionOf } from '../graph/ops/index.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import type { PeerId } from '../shared/ids.ts';
import type { CompiledPlan } from './compiled-plan.ts';

/** Multiply-accumulates of convolutions and dense layers, as papers count; what neighbours compute again is in it. */
export function programMacs({ steps }: TileProgram): number {
  let sum = 0;
  for (const { op, inputShapes, output, reduce } of steps) {
    const definition = definitionOf(op);
    if (definition.linear) sum += definition.cost(op, inputShapes, output, reduce).macs;
  }
  return sum;
}

/** Multiply-accumulates of each peer per frame, on average over the lanes' shares; peers in the order of the plan. */
export function macsPerPeer(compiled: CompiledPlan): Map<PeerId, number> {
  const sums = new Map<PeerId, number>(compiled.peers.map((peer) => [peer, 0]));
  for (const [segment, { lanes }] of compiled.plan.segments.entries()) {
    const shares = lanes.reduce((sum, { share }) => sum + share, 0);
    for (const [lane, { share, tiles }] of lanes.entries()) {
      for (const [tile, { peer }] of tiles.entries()) {
        const macs = programMacs(compiled.program(segment, lane, tile));
        sums.set(peer, sums.get(peer)! + (macs * share) / shares);
      }
    }
  }
  return sums;
}

/** What part of the plan's work a peer does, 0–1; 0 where the plan has no convolution and no dense layer. */
export function partOfWork(compiled: CompiledPlan, peer: PeerId): number {
  const macs = macsPerPeer(compiled);
  let total = 0;
  for (const each of macs.values()) total += each;
  return total > 0 ? (macs.get(peer) ?? 0) / total : 0;
}
