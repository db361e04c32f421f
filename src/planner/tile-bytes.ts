import { boxSize } from '../graph/box.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import { largestFilterBytes, weightCopies } from './memory.ts';
import type { TileCost } from './search-space.ts';

const FLOAT_BYTES = 4;

/**
 * What tiles take on one device with `window` frames in flight, in the order in which it loads them: as `memoryOfTiles` has it, except that
 * slices that several of them need count for each.
 */
export function tileBytes(
  costs: readonly TileCost[],
  window: number,
  storage: WeightStorage = 'packed',
): number {
  let weights = 0;
  let inputs = 0;
  let work = 0;
  let loading = 0;
  for (const cost of costs) {
    weights += cost.weightBytes;
    inputs += cost.inputBytes;
    work = Math.max(work, storage === 'once' ? cost.liveBytes : cost.workBytes);
    if (storage === 'once') loading = Math.max(loading, weights + loadingOf(cost));
  }
  return Math.max(weights * weightCopies(storage) + inputs * window + work, loading);
}

/** The same of tiles that may be cut into any number of smaller ones that are loaded one after the other: never too much. */
export function leastTileBytes(
  costs: readonly TileCost[],
  window: number,
  storage: WeightStorage = 'packed',
): number {
  if (storage === 'packed') return tileBytes(costs, window, storage);
  let weights = 0;
  let inputs = 0;
  let live = 0;
  let arriving = 0;
  for (const { weightBytes, inputBytes, liveBytes, program } of costs) {
    weights += weightBytes;
    inputs += inputBytes;
    live = Math.max(live, liveBytes);
    const largest = program.weights.reduce((most, { box }) => Math.max(most, boxSize(box)), 0) * FLOAT_BYTES;
    arriving = Math.max(arriving, largest + largestFilterBytes(program));
  }
  return weights + Math.max(inputs * window + live, arriving);
}

/** Of a tile, beside the weights that are on the engine then. */
export const loadingOf = ({ weightBytes, inputBytes, liveBytes, program }: TileCost): number =>
  weightBytes + Math.max(largestFilterBytes(program), inputBytes + liveBytes);
