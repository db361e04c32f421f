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
  /** Of all that lives at a time in a run with these ops, no less and no more than that. */
  readonly leastLiveBytes: number;
  readonly mostLiveBytes: number;
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
 * Memory of runs of ops that a device computes whole. The weights of a tile come together, and engines may keep all that it makes until it is
 * done, so a run that is too much for a device as one tile may fit as several. Places are indexes into the cut points of the search space.
 */
export class WholeRuns {
  readonly #space: SearchSpace;
  readonly #points: readonly number[];
  readonly #intervals: readonly Interval[];
  /** Bytes of the inputs of the run from one place to another. */
  readonly #inputs: readonly Float64Array[];
  readonly #weightsTo: Float64Array;
  readonly #workTo: Float64Array;
  readonly #reaches = new Map<string, readonly Reach[]>();

  constructor(space: SearchSpace) {
    const points = space.cutPoints;
    this.#space = space;
    this.#points = points;
    const uses = usesOf(space);
    const passing = passingBytes(space, uses);
    this.#intervals = points.slice(1).map((end, index) => {
      const { weightBytes, workBytes, liveBytes, program } = space.tiles(points[index]!, end, WHOLE)![0]!;
      return {
        weightBytes,
        workBytes,
        leastLiveBytes: liveBytes,
        mostLiveBytes: liveBytes + passing[index]!,
        filterBytes: largestFilterBytes(program),
      };
    });
    this.#weightsTo = summed(this.#intervals.map(({ weightBytes }) => weightBytes));
    this.#workTo = summed(this.#intervals.map(({ workBytes }) => workBytes));
    this.#inputs = inputBytes(space, uses);
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

  /** Of every place. Who begins later mostly gets as far with the same cuts, and often further. */
  #reachesOf(room: Room): Reach[] {
    const last = this.#points.length - 1;
    const reaches: Reach[] = [];
    for (let from = 0; from <= last; from++) {
      const before = reaches[from - 1];
      let reach: Reach = { place: from, cuts: [] };
      if (before && before.place > from) {
        const cuts = before.cuts.filter((cut) => cut > from);
        // What is made before has to be held as an input.
        if (this.#fit([from, ...cuts, before.place], room)) reach = { place: before.place, cuts };
      }
      if (reach.place === last && reach.cuts.length === 0) {
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
    if (this.#fit([from, to], room)) return [];
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
      if (this.#fit([from, ...cuts, to], room)) return cuts;
    }
    return undefined;
  }

  /** What cutting makes smaller. */
  #size(from: number, to: number, storage: WeightStorage): number {
    if (storage === 'packed') return this.#workTo[to]! - this.#workTo[from]!;
    return this.#most(from, to, 'mostLiveBytes') + this.#weightsTo[to]! - this.#weightsTo[from]!;
  }

  #most(from: number, to: number, figure: 'leastLiveBytes' | 'mostLiveBytes' | 'filterBytes'): number {
    let most = 0;
    for (let at = from; at < to; at++) most = Math.max(most, this.#intervals[at]![figure]);
    return most;
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

  /** Whether these tiles fit, as `memoryOfTiles` has it. What lives at a time in one of them is only looked up where that decides. */
  #fit(ends: readonly number[], room: Room): boolean {
    const fits = (workOf: (start: number, end: number) => number): boolean =>
      this.#bytes(ends, room, workOf) <= room.bytes;
    if (room.storage === 'packed') return fits((start, end) => this.#workTo[end]! - this.#workTo[start]!);
    if (fits((start, end) => this.#most(start, end, 'mostLiveBytes'))) return true;
    if (!fits((start, end) => this.#most(start, end, 'leastLiveBytes'))) return false;
    const points = this.#points;
    return fits((start, end) => this.#space.tiles(points[start]!, points[end]!, WHOLE)![0]!.liveBytes);
  }

  #bytes(
    ends: readonly number[],
    { storage, frames = 1 }: Room,
    workOf: (start: number, end: number) => number,
  ): number {
    let inputs = 0;
    let work = 0;
    let loading = 0;
    const first = ends[0]!;
    for (let index = 1; index < ends.length; index++) {
      const start = ends[index - 1]!;
      const end = ends[index]!;
      const inputBytes = this.#inputs[start]![end]!;
      const workBytes = workOf(start, end);
      inputs += inputBytes * frames;
      work = Math.max(work, workBytes);
      if (storage === 'packed') continue;
      const filter = this.#most(start, end, 'filterBytes');
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
function inputBytes({ graph, shapes, cutPoints }: SearchSpace, { readers, made }: Uses): Float64Array[] {
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

/** Between every two neighbouring cut points: of the tensors that are there before and read behind. */
function passingBytes({ shapes, cutPoints }: SearchSpace, { readers, made }: Uses): Float64Array {
  const bytes = new Float64Array(cutPoints.length - 1);
  for (const [id, ops] of readers) {
    const last = ops.at(-1)!;
    for (let at = 0; at < bytes.length; at++) {
      if (made.get(id)! < cutPoints[at]! && last >= cutPoints[at + 1]!)
        bytes[at]! += 4 * boxSize(fullBox(shapes.get(id)!));
    }
  }
  return bytes;
}

interface Uses {
  /** The ops that read each tensor, ascending. */
  readonly readers: ReadonlyMap<TensorId, readonly number[]>;
  /** The op that makes it; −1: an input of the network. */
  readonly made: ReadonlyMap<TensorId, number>;
}

function usesOf({ graph }: SearchSpace): Uses {
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
  return { readers, made };
}
