import type { Draft, DraftLane, DraftSegment } from './draft.ts';
import { balanced } from './draft-moves.ts';
import { better, type Scored, type Scorer } from './scoring.ts';

const EDGES = [1.15, 1.3, 1.5];
const ROUNDS = 2;

/** Where bands are cut in a second direction. */
const ACROSS = { depth: 'height', height: 'width', width: 'height' } as const;

/**
 * The best draft that cuts in two directions what `scored` cuts in one, from some segment on: where each of many devices
 * has only a few rows, the halo around them is larger than around a cell. `undefined` where none is better.
 */
export function bestGrid(scored: Scored, scorer: Scorer): Scored | undefined {
  let best: Scored | undefined;
  for (const [rows, columns] of gridsOf(scored.draft)) {
    let before: string | undefined;
    for (const from of scored.draft.keys()) {
      const draft = scored.draft.map((segment, at) =>
        at < from ? segment : gridded(segment, rows, columns),
      );
      const structure = draft.map((segment, at) => (segment === scored.draft[at] ? '-' : '+')).join('');
      if (structure === before || !structure.includes('+')) continue;
      before = structure;
      const made = scorer.score(draft, scored.codec);
      if (better(made, best)) best = made;
    }
  }
  if (!best || !better(best, scored)) return undefined;
  let found = best;
  for (const factor of EDGES) {
    const wider = scorer.score(
      best.draft.map((segment) => withWiderEdges(segment, factor)),
      best.codec,
    );
    if (better(wider, found)) found = wider!;
  }
  for (let round = 0; round < ROUNDS; round++) {
    const next = scorer.score(balanced(found), best.codec);
    if (!better(next, found)) break;
    found = next!;
  }
  return found;
}

/** Cells inside have a halo on both sides: those at the edges get as much more. */
function withWiderEdges(segment: DraftSegment, factor: number): DraftSegment {
  const [lane, ...others] = segment.lanes as readonly [DraftLane, ...DraftLane[]];
  const { cuts } = lane.layout;
  if (cuts.length < 2 || others.length > 0) return segment;
  const wider = cuts.map((cut) => {
    const last = cut.shares.length - 1;
    return {
      ...cut,
      shares: cut.shares.map((share, part) => (part === 0 || part === last ? factor * share : share)),
    };
  });
  return { ...segment, lanes: [{ ...lane, layout: { ...lane.layout, cuts: wider } }] };
}

/** The grids of as many cells as a segment has bands that are nearest to squares, lying and standing. */
function gridsOf(draft: Draft): (readonly [number, number])[] {
  const counts = new Set(draft.filter(isBanded).map(({ lanes }) => lanes[0]!.devices.length));
  return [...counts].flatMap((count) => {
    let side = Math.floor(Math.sqrt(count));
    while (count % side !== 0) side -= 1;
    const across = count / side;
    if (side < 2) return [];
    return side === across ? [[side, side] as const] : [[side, across] as const, [across, side] as const];
  });
}

function isBanded({ lanes }: DraftSegment): boolean {
  const [{ layout }] = lanes as readonly [DraftSegment['lanes'][0]];
  return lanes.length === 1 && layout.cuts.length === 1 && !layout.sum && layout.cuts[0]!.axis in ACROSS;
}

function gridded(segment: DraftSegment, rows: number, columns: number): DraftSegment {
  const lane = segment.lanes[0]!;
  if (!isBanded(segment) || lane.devices.length !== rows * columns) return segment;
  const equal = (parts: number): number[] => new Array<number>(parts).fill(1);
  const { axis } = lane.layout.cuts[0]!;
  const cuts = [
    { axis, shares: equal(rows) },
    { axis: ACROSS[axis as keyof typeof ACROSS], shares: equal(columns) },
  ];
  return { ...segment, lanes: [{ ...lane, layout: { cuts } }] };
}
