import type { Graph } from '../graph/graph.ts';
import type { PeerId } from '../shared/ids.ts';
import { compilePlan, REQUESTER } from './compiled-plan.ts';
import type { Plan } from './plan.ts';

export interface DirectedLink {
  readonly from: PeerId;
  readonly to: PeerId;
}

export const linkKey = (from: PeerId, to: PeerId): string => `${from} ${to}`;

/** The links over which a plan moves pieces, each once, in order of first use. */
export function planLinks(graph: Graph, plan: Plan, requester: PeerId): DirectedLink[] {
  const compiled = compilePlan(graph, plan);
  const links = new Map<string, DirectedLink>();
  const use = (from: PeerId, to: PeerId): void => {
    if (from !== to) links.set(linkKey(from, to), { from, to });
  };
  const peerAt = (segment: number, lane: number, tile: number): PeerId =>
    segment === plan.segments.length ? requester : plan.segments[segment]!.lanes[lane]!.tiles[tile]!.peer;
  const most = plan.segments.reduce((count, { lanes }) => Math.max(count, lanes.length), 1);
  // Lanes are dealt by share, so every lane of a segment meets every lane of those behind it.
  for (let others = 0; others < most; others++) {
    const elsewhere = plan.segments.map(({ lanes }) => others % lanes.length);
    const visit = (lanes: readonly number[], segment: number, tile: number, from: PeerId): void => {
      for (const delivery of compiled.deliveries(lanes, segment, tile)) {
        use(from, peerAt(delivery.segment, lanes[delivery.segment] ?? 0, delivery.tile));
      }
    };
    visit(elsewhere, REQUESTER, 0, requester);
    for (const [segment, { lanes: own }] of plan.segments.entries()) {
      for (const [lane, { tiles }] of own.entries()) {
        const lanes = elsewhere.with(segment, lane);
        for (const [tile, { peer }] of tiles.entries()) visit(lanes, segment, tile, peer);
      }
    }
  }
  return [...links.values()];
}
