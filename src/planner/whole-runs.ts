import { boxSize, fullBox } from '../graph/box.ts';
import type { TensorId } from '../graph/graph.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import type { DraftSegment } from './draft.ts';
import { largestFilterBytes, PACKED_COPIES } from './memory.ts';
import { WHOLE, type SearchSpace } from './search-space.ts';
import type { Device } from './world.ts';

/** For weights and tensors of a device. */
export interface Room {
  readonly bytes: number;
  readonly storage: WeightStorage;
  /** In flight; 1 when absent. */
  readonly frames?: number;
}

export const roomOf = ({ memoryBytes, weightStorage = 'packed' }: Device): Room => ({
  bytes: memoryBytes,
  storage: weightStorage,
});

/** Of ops between two neighbouring cut points. */
interface Interval {
  readonly weightBytes: number;
  readonly workBytes: number;
  readonly filterBytes: number;
}

interface Reach {
  readonly place: number;
  readonly cuts: readonly number[];
}

/** Parts of the largest tile that a run is cut down to, one after the other, until it fits. */
const PARTS = [2, 3, 4, 6, 8, 12, 16, 32, 64, Infinity];
/** Of such a part, from where on it may end earlier, if less has to be kept there. */
const EARLIEST = 0.6;

/**
 * Memory of runs of ops that a device computes whole. A tile keeps all that it makes until it is done, so a run that is
 * too much for a device as one tile may fit as several. Places are indexes into the cut points of the search space.
 */
export class WholeRuns {
  readonly #points: readonly number[];
  readonly #intervals: readonly Interval[];
  /** Bytes of the inputs of the run from one place to another. */
  readonly #inputs: readonly Float64Array[];
  readonly #weightsTo: Float64Array;
  readonly #workTo: Float64Array;
  readonly #reaches = new Map<string, readonly Reach[]>();

  constructor(space: SearchSpace) {
    const points = space.cutPoints;
    this.#points = points;
    this.#intervals = points.slice(1).map((end, index) => {
      const { weightBytes, workBytes, program } = space.tiles(points[index]!, end, WHOLE)![0]!;
      return { weightBytes, workBytes, filterBytes: largestFilterBytes(program) };
    });
    this.#weightsTo = summed(this.#intervals.map(({ weightBytes }) => weightBytes));
    this.#workTo = summed(this.#intervals.map(({ workBytes }) => workBytes));
    this.#inputs = inputBytes(space);
  }

  /** The furthest place up to which a device with that much room can compute everything from here on. */
  reach(from: number, room: Room): number {
    return this.#reach(from, room).place;
  }

  /** A device's run, of few tiles; `undefined` where its memory does not suffice. */
  segments(from: number, to: number, device: number, room: Room): DraftSegment[] | undefined {
    const reach = this.#reach(from, room);
    if (to > reach.place) return undefined;
    // A run that ends earlier fits with the same cuts.
    const cuts = this.#cuts(from, to, room) ?? reach.cuts.filter((cut) => cut < to);
    const lanes = [{ share: 1, layout: WHOLE, devices: [device] }];
    const ends = [...cuts, to];
    return ends.map((end, index) => ({
      start: this.#points[index === 0 ? from : ends[index - 1]!]!,
      end: this.#points[end]!,
      lanes,
    }));
  }

  #reach(from: number, room: Room): Reach {
    const key = `${room.bytes} ${room.storage} ${room.frames ?? 1}`;
    let reaches = this.#reaches.get(key);
    if (!reaches) this.#reaches.set(key, (reaches = this.#reachesOf(room)));
    return reaches[from]!;
  }

  /** Of every place. Who begins later gets as far with the same cuts, and often further. */
  #reachesOf(room: Room): Reach[] {
    const last = this.#points.length - 1;
    const reaches: Reach[] = [];
    for (let from = 0; from <= last; from++) {
      const before = reaches[from - 1];
      let reach: Reach = before && before.place > from
        ? { place: before.place, cuts: before.cuts.filter((cut) => cut > from) }
        : { place: from, cuts: [] }; // prettier-ignore
      if (before?.place === last && before.cuts.length === 0) {
        reaches.push(reach);
        continue;
      }
      // Most devices have room for everything from here on.
      const all = this.#cuts(from, last, room);
      if (all) reach = { place: last, cuts: all };
      while (reach.place < last) {
        const cuts = this.#cuts(from, reach.place + 1, room);
        if (!cuts) break;
        reach = { place: reach.place + 1, cuts };
      }
      reaches.push(reach);
    }
    return reaches;
  }

  /** Where a run has to be cut to fit, few times; `undefined` where that does not help. */
  #cuts(from: number, to: number, room: Room): readonly number[] | undefined {
    if (to <= from) return [];
    if (this.#bytes([from, to], room) <= room.bytes) return [];
    const weights = this.#weightsTo[to]! - this.#weightsTo[from]!;
    if (weights * (room.storage === 'once' ? 1 : PACKED_COPIES) > room.bytes) return undefined;
    const size = this.#size(from, to, room.storage);
    const free = room.bytes - (room.storage === 'once' ? 0 : weights * PACKED_COPIES);
    let before = 0;
    for (const part of PARTS) {
      // Even of equal tiles each would be too much.
      if (size / (part / EARLIEST + 1) > free) continue;
      const cuts = this.#cutInto(from, to, size / part, room.storage);
      if (cuts.length === before) continue;
      before = cuts.length;
      if (this.#bytes([from, ...cuts, to], room) <= room.bytes) return cuts;
    }
    return undefined;
  }

  /** What cutting makes smaller. */
  #size(from: number, to: number, storage: WeightStorage): number {
    const work = this.#workTo[to]! - this.#workTo[from]!;
    return storage === 'once' ? work + this.#weightsTo[to]! - this.#weightsTo[from]! : work;
  }

  #cutInto(from: number, to: number, largest: number, storage: WeightStorage): number[] {
    const cuts: number[] = [];
    let start = from;
    for (let end = from + 1; end <= to; end++) {
      if (end - start < 2 || this.#size(start, end, storage) <= largest) continue;
      let cut = end - 1;
      for (let at = cut - 1; at > start && this.#size(start, at, storage) >= EARLIEST * largest; at--) {
        if (this.#inputs[at]![to]! < this.#inputs[cut]![to]!) cut = at;
      }
      cuts.push(cut);
      start = cut;
      end = cut;
    }
    return cuts;
  }

  /** As `memoryOfTiles` has it. */
  #bytes(ends: readonly number[], { storage, frames = 1 }: Room): number {
    let inputs = 0;
    let work = 0;
    let loading = 0;
    const first = ends[0]!;
    for (let index = 1; index < ends.length; index++) {
      const start = ends[index - 1]!;
      const end = ends[index]!;
      const inputBytes = this.#inputs[start]![end]!;
      const workBytes = this.#workTo[end]! - this.#workTo[start]!;
      inputs += inputBytes * frames;
      work = Math.max(work, workBytes);
      if (storage === 'packed') continue;
      let filter = 0;
      for (let at = start; at < end; at++) filter = Math.max(filter, this.#intervals[at]!.filterBytes);
      const held = this.#weightsTo[end]! - this.#weightsTo[first]!;
      const arrived = this.#weightsTo[end]! - this.#weightsTo[start]!;
      loading = Math.max(loading, held + arrived + Math.max(filter, inputBytes + workBytes));
    }
    const weights = this.#weightsTo[ends.at(-1)!]! - this.#weightsTo[first]!;
    if (storage === 'packed') return weights * PACKED_COPIES + inputs + work;
    return Math.max(weights + inputs + work, loading);
  }
}

const known = new WeakMap<SearchSpace, WholeRuns>();

export function wholeRunsOf(space: SearchSpace): WholeRuns {
  let runs = known.get(space);
  if (!runs) known.set(space, (runs = new WholeRuns(space)));
  return runs;
}

function summed(values: readonly number[]): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (const [index, value] of values.entries()) sums[index + 1] = sums[index]! + value;
  return sums;
}

/** From and to every cut point: of the tensors that are there at the first and read before the second. */
function inputBytes({ graph, shapes, cutPoints }: SearchSpace): Float64Array[] {
  const readers = new Map<TensorId, number[]>();
  for (const [op, { inputs }] of graph.nodes.entries()) {
    for (const id of inputs) {
      const ops = readers.get(id);
      if (ops) ops.push(op);
      else readers.set(id, [op]);
    }
  }
  const made = new Map<TensorId, number>([
    ...graph.inputs.map(({ id }) => [id, -1] as const),
    ...graph.nodes.map(({ id }, op) => [id, op] as const),
  ]);
  const behind = graph.nodes.map((_, op) => cutPoints.findIndex((point) => point > op));
  return cutPoints.map((from) => {
    const bytes = new Float64Array(cutPoints.length);
    for (const [id, ops] of readers) {
      if (made.get(id)! >= from) continue;
      const first = ops.find((op) => op >= from);
      if (first === undefined) continue;
      bytes[behind[first]!]! += 4 * boxSize(fullBox(shapes.get(id)!));
    }
    for (let to = 1; to < bytes.length; to++) bytes[to]! += bytes[to - 1]!;
    return bytes;
  });
}
