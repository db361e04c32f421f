import { formatBox, type Box } from '../graph/box.ts';
import type { FoldedGraph } from '../graph/fold.ts';
import type { CompiledPlan } from '../planner/compiled-plan.ts';
import type { PeerId } from '../shared/ids.ts';
import { neededBlocks } from '../weights/block-source.ts';
import type { WeightsLayout } from '../weights/layout.ts';

/** Neighbouring blocks that the same peers need: one of them brings all of these with one request. */
export interface BlockRun {
  /** Half-open, of the layout's blocks. */
  readonly first: number;
  readonly stop: number;
  /** In the plan's order of peers. */
  readonly needers: readonly PeerId[];
  /** Of the needers: who asks the origin, and passes on. */
  readonly fetcher: PeerId;
}

/**
 * Which peer of a plan brings which block of the weights file into the room. Everyone derives the same deal from plan and
 * layout, so nobody has to be told. Blocks that nobody needs have no run.
 */
export interface BlockDeal {
  run(block: number): BlockRun | undefined;
}

const RUN_BLOCKS = 8;

export function dealBlocks(compiled: CompiledPlan, folded: FoldedGraph, layout: WeightsLayout): BlockDeal {
  const needers = layout.blocks.map((): PeerId[] => []);
  for (const peer of compiled.peers) {
    for (const [name, box] of originalSlices(compiled, folded, peer)) {
      const tensor = layout.tensors.get(name);
      if (!tensor) continue;
      for (const { block } of neededBlocks(layout, tensor, box)) {
        const known = needers[block.index]!;
        if (known.at(-1) !== peer) known.push(peer);
      }
    }
  }
  const loadBytes = new Map<PeerId, number>();
  const runs = new Array<BlockRun | undefined>(needers.length);
  for (let first = 0; first < needers.length;) {
    const these = needers[first]!;
    let stop = first + 1;
    while (stop < needers.length && stop - first < RUN_BLOCKS && same(needers[stop]!, these)) stop += 1;
    if (these.length > 0) {
      const load = (peer: PeerId): number => loadBytes.get(peer) ?? 0;
      const fetcher = these.reduce((least, peer) => (load(peer) < load(least) ? peer : least));
      const run = { first, stop, needers: these, fetcher };
      runs.fill(run, first, stop);
      const bytes = layout.blocks.slice(first, stop).reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      // What only one peer needs is its own business; shares of the common blocks are evened out.
      if (these.length > 1) loadBytes.set(fetcher, load(fetcher) + bytes);
    }
    first = stop;
  }
  return { run: (block) => runs[block] };
}

const same = (a: readonly PeerId[], b: readonly PeerId[]): boolean =>
  a.length === b.length && a.every((peer, index) => peer === b[index]);

/** The boxes of the file's tensors that a peer's slices are made of, each once. */
function originalSlices(
  compiled: CompiledPlan,
  folded: FoldedGraph,
  peer: PeerId,
): Iterable<readonly [name: string, box: Box]> {
  const recipes = new Map(folded.weights.map((recipe) => [recipe.name, recipe]));
  const slices = new Map<string, readonly [string, Box]>();
  const add = (name: string | undefined, box: Box): void => {
    if (name !== undefined) slices.set(`${formatBox(box)} ${name}`, [name, box]);
  };
  for (const { segment, lane, tile } of compiled.tilesOf(peer)) {
    for (const { name, box } of compiled.program(segment, lane, tile).weights) {
      const recipe = recipes.get(name);
      if (!recipe) {
        add(name, box);
        continue;
      }
      const channels: Box = [box.at(-1)!];
      add(recipe.source, box);
      const { mean, variance, gamma, beta } = recipe.norm;
      for (const vector of [mean, variance, gamma, beta]) add(vector, channels);
    }
  }
  return slices.values();
}
