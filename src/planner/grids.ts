import type { AxisName } from './axes.ts';
import type { Draft, DraftLane, DraftSegment } from './draft.ts';
import { balanced } from './draft-moves.ts';
import { better, type Scored, type Scorer } from './scoring.ts';

const EDGES = [1.15, 1.3, 1.5];
const ROUNDS = 2;
const CUT_STEPS = 4;
/** Steps that gain less are not looked for further. */
const WORTH_A_STEP = 0.995;

type Direction = Extract<AxisName, 'depth' | 'height' | 'width'>;

/** Directions that cells are cut in, of networks for pictures and of those for pictures one after the other. */
const PICTURES: readonly (readonly [Direction, Direction])[] = [['height', 'width']];
const SEQUENCES: typeof PICTURES = [['depth', 'height'], ['depth', 'width'], ...PICTURES];

interface Grid {
  readonly directions: readonly [Direction, Direction];
  readonly parts: readonly [number, number];
}

/**
 * The best draft that cuts in two directions what `scored` cuts in one, in some segments: where each of many devices has only a few rows, the
 * halo around them is larger than around a cell, and some have a row more than others. `undefined` where none is better.
 */
export function bestGrid(scored: Scored, scorer: Scorer): Scored | undefined {
  let best = scored;
  for (;;) {
    const step = bestStep(best, scorer);
    if (!step || !better(step, best)) break;
    const gain = step.cost / best.cost;
    best = step;
    if (gain > WORTH_A_STEP) break;
  }
  if (best === scored) return undefined;
  let found = withOtherCuts(best, scorer);
  best = found;
  for (const factor of EDGES) {
    const wider = scorer.score(
      best.draft.map((segment) => withWiderEdges(segment, factor)),
      best.codec,
      found.cost,
    );
    if (better(wider, found)) found = wider!;
  }
  for (let round = 0; round < ROUNDS; round++) {
    const next = scorer.score(balanced(found), best.codec, found.cost);
    if (!better(next, found)) break;
    found = next!;
  }
  return found;
}

/** One grid from some segment on, or up to it. */
function bestStep({ draft, codec, cost }: Scored, scorer: Scorer): Scored | undefined {
  const { graph } = scorer.context.space;
  const pairs = graph.inputs[0]!.shape.length > 3 ? SEQUENCES : PICTURES;
  const tried = new Set<string>();
  let best: Scored | undefined;
  for (const grid of gridsOf(draft, pairs)) {
    for (const from of draft.keys()) {
      for (const isBehind of from === 0 ? [true] : [true, false]) {
        const next = draft.map((segment, at) => (at < from === isBehind ? segment : gridded(segment, grid)));
        const where = next.map((segment, at) => (segment === draft[at] ? '-' : '+')).join('');
        const name = `${where} ${grid.directions.join()} ${grid.parts.join()}`;
        if (tried.has(name) || !where.includes('+')) continue;
        tried.add(name);
        const made = scorer.score(next, codec, Math.min(cost, best?.cost ?? Infinity));
        if (better(made, best)) best = made;
      }
    }
  }
  return best;
}

/**
 * Behind a pool there are fewer rows, which cannot be dealt as evenly as those before it: what bands were cut for is another place than where
 * cells are to be.
 */
function withOtherCuts(scored: Scored, scorer: Scorer): Scored {
  let best = scored;
  for (let step = 0; step < CUT_STEPS; step++) {
    const before = best;
    for (const draft of otherCuts(before.draft, scorer.context.space.cutPoints)) {
      const made = scorer.score(draft, before.codec, before.cost);
      if (better(made, best)) best = made!;
    }
    if (best.cost > WORTH_A_STEP * before.cost) break;
  }
  return best;
}

/** With one cut more, or one less, where bands or cells are. */
function* otherCuts(draft: Draft, cutPoints: readonly number[]): Generator<Draft> {
  for (const [at, segment] of draft.entries()) {
    if (!isSpatial(segment)) continue;
    const [before, behind] = [draft.slice(0, at), draft.slice(at + 1)];
    for (const point of cutPoints) {
      if (point <= segment.start || point >= segment.end) continue;
      yield [...before, { ...segment, end: point }, { ...segment, start: point }, ...behind];
    }
    const next = draft[at + 1];
    if (next && isSpatial(next)) yield [...before, { ...segment, end: next.end }, ...behind.slice(1)];
  }
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

/** Of each number of parts that segments have, as many cells that are nearest to squares, lying and standing. */
function gridsOf(draft: Draft, pairs: readonly (readonly [Direction, Direction])[]): Grid[] {
  const counts = new Set(draft.filter(isSpatial).map(({ lanes }) => lanes[0]!.devices.length));
  const shapes = [...counts].flatMap((count): (readonly [number, number])[] => {
    const side = shorterSide(count);
    if (side < 2) return [];
    const square = [side, count / side] as const;
    return side === count / side ? [square] : [square, [count / side, side]];
  });
  return pairs.flatMap((directions) => shapes.map((parts) => ({ directions, parts })));
}

function shorterSide(cells: number): number {
  let side = Math.floor(Math.sqrt(cells));
  while (cells % side !== 0) side -= 1;
  return side;
}

/** Whether there are grids of as many cells as a segment has parts. */
export const mayBeGrid = (draft: Draft): boolean =>
  draft.some((segment) => isSpatial(segment) && shorterSide(segment.lanes[0]!.devices.length) > 1);

/** Whether a segment is dealt in bands or cells. */
function isSpatial({ lanes }: DraftSegment): boolean {
  const { cuts, sum } = lanes[0]!.layout;
  return lanes.length === 1 && cuts.length > 0 && !sum && cuts.every(({ axis }) => axis !== 'channel');
}

function gridded(segment: DraftSegment, { directions, parts }: Grid): DraftSegment {
  const lane = segment.lanes[0]!;
  const { cuts } = lane.layout;
  if (!isSpatial(segment) || lane.devices.length !== parts[0] * parts[1]) return segment;
  const cut = directions.map((axis, index) => ({
    axis,
    shares: new Array<number>(parts[index]!).fill(1),
  }));
  // Who has a band of columns has cells of the same columns.
  if (cuts.length === 1 && cuts[0]!.axis === directions[1]) cut.reverse();
  return { ...segment, lanes: [{ ...lane, layout: { cuts: cut } }] };
}
