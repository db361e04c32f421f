import { boxSize, formatBox } from '../graph/box.ts';
import { liveBytes } from '../graph/live-bytes.ts';
import { programKey, type TileProgram } from '../graph/tile-program.ts';
import type { PeerId } from '../shared/ids.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import type { CompiledPlan } from './compiled-plan.ts';
import { laneFrames } from './lane-dealer.ts';

const FLOAT_BYTES = 4;
/** Of weights on engines that hold a raw and a packed one. */
export const PACKED_COPIES = 2;

/** Of weights that an engine has loaded. */
export const weightCopies = (storage: WeightStorage = 'packed'): number =>
  storage === 'once' ? 1 : PACKED_COPIES;

export interface PeerMemory {
  /** Weight slices as they travel: those that several tiles of the peer share, once. */
  readonly weightBytes: number;
  /** Input buffers for every frame that may be in flight through its tiles, and what an engine has of the one that is computed, at the most. */
  readonly activationBytes: number;
  /**
   * At the worst moment: while a tile is loaded, or with all frames in flight. The program itself is not in it, nor what
   * is under way between peers (32 MB at most while weights are loaded).
   */
  readonly totalBytes: number;
}

/** How the engine of a peer holds weights; `packed` is never too little. */
export type WeightStorageOf = (peer: PeerId) => WeightStorage | undefined;

export function programWeightBytes(program: TileProgram): number {
  return program.weights.reduce((sum, { box }) => sum + boxSize(box), 0) * FLOAT_BYTES;
}

/** Of several tiles on one peer: a slice that more than one of them needs counts once. */
export function distinctWeightBytes(programs: readonly TileProgram[]): number {
  let sum = 0;
  for (const { sizeBytes } of sliceUses(programs).values()) sum += sizeBytes;
  return sum;
}

export function programInputBytes(program: TileProgram): number {
  return program.inputs.reduce((sum, { box }) => sum + boxSize(box), 0) * FLOAT_BYTES;
}

/** Of an engine of which no more is known than that it holds weights packed: never too little. */
export function programWorkBytes(program: TileProgram): number {
  return program.steps.reduce((sum, { output }) => sum + boxSize(output), 0) * FLOAT_BYTES;
}

const workBytesOn = (storage: WeightStorage, program: TileProgram): number =>
  storage === 'once' ? liveBytes(program) : programWorkBytes(program);

export function largestFilterBytes({ steps, weights }: TileProgram): number {
  let most = 0;
  for (const { op, weights: used } of steps) {
    if (op.kind !== 'conv') continue;
    for (const { index } of used) most = Math.max(most, boxSize(weights[index]!.box));
  }
  return most * FLOAT_BYTES;
}

interface SliceUse {
  readonly sizeBytes: number;
  /** Of the programs that need the slice. */
  readonly first: number;
  last: number;
}

function sliceUses(programs: readonly TileProgram[]): Map<string, SliceUse> {
  const slices = new Map<string, SliceUse>();
  for (const [index, { weights }] of programs.entries()) {
    for (const { name, box } of weights) {
      const key = `${formatBox(box)} ${name}`;
      const known = slices.get(key);
      if (known) known.last = index;
      else slices.set(key, { sizeBytes: boxSize(box) * FLOAT_BYTES, first: index, last: index });
    }
  }
  return slices;
}

/**
 * The most that loading takes on an engine with one copy of the weights. Tile by tile, in the order given: the slices
 * of the tile come together, in buffers of their own; the engine copies one after the other, filters by way of panels,
 * and runs the tile once. Slices that later tiles need too are kept as they came until then.
 */
function loadingBytes(programs: readonly TileProgram[]): number {
  const uses = [...sliceUses(programs).values()];
  const sumOf = (counts: (use: SliceUse) => boolean): number =>
    uses.reduce((sum, use) => (counts(use) ? sum + use.sizeBytes : sum), 0);
  let most = 0;
  for (const [index, program] of programs.entries()) {
    const held = sumOf(({ first }) => first <= index);
    const waiting = sumOf(({ first, last }) => first <= index && last > index);
    const running = programInputBytes(program) + liveBytes(program);
    const arrived = programWeightBytes(program);
    most = Math.max(most, held + waiting + arrived + Math.max(largestFilterBytes(program), running));
  }
  return most;
}

/**
 * What these tiles take on one peer.
 * @param programs in the order in which the peer loads them.
 * @param frames in flight at a time, of all tiles or of each.
 */
export function memoryOfTiles(
  programs: readonly TileProgram[],
  frames: number | readonly number[],
  storage: WeightStorage = 'packed',
): PeerMemory {
  const weightBytes = distinctWeightBytes(programs);
  const framesOf = (tile: number): number => (typeof frames === 'number' ? frames : frames[tile]!);
  const inputBytes = programs.reduce(
    (sum, program, tile) => sum + programInputBytes(program) * framesOf(tile),
    0,
  );
  const workBytes = programs.reduce((most, program) => Math.max(most, workBytesOn(storage, program)), 0);
  const activationBytes = inputBytes + workBytes;
  switch (storage) {
    case 'once': {
      const totalBytes = Math.max(weightBytes + activationBytes, loadingBytes(programs));
      return { weightBytes, activationBytes, totalBytes };
    }
    case 'packed': {
      const perTile = programs.reduce((sum, program) => sum + programWeightBytes(program), 0);
      return { weightBytes, activationBytes, totalBytes: perTile * PACKED_COPIES + activationBytes };
    }
  }
}

/**
 * What of these tiles' weights is there already, where `held` are loaded with the same weights: equal slices, or, where
 * every tile has weights of its own, those of equal tiles.
 */
export function sharedBytes(
  programs: readonly TileProgram[],
  held: readonly TileProgram[],
  storage: WeightStorage = 'packed',
): number {
  switch (storage) {
    case 'once': {
      const there = sliceUses(held);
      let sum = 0;
      for (const [key, { sizeBytes }] of sliceUses(programs)) if (there.has(key)) sum += sizeBytes;
      return sum;
    }
    case 'packed': {
      const there = new Set(held.map(programKey));
      const equal = programs.filter((program) => there.has(programKey(program)));
      return equal.reduce((sum, program) => sum + programWeightBytes(program), 0) * PACKED_COPIES;
    }
  }
}

/**
 * What the plan takes on each peer with `window` frames in flight. Requester and peer come to the same numbers: from
 * the plan, and from what the peer's capabilities say of its engine.
 */
export function memoryPerPeer(
  compiled: CompiledPlan,
  window: number,
  storageOf: WeightStorageOf = () => undefined,
): Map<PeerId, PeerMemory> {
  return new Map(
    compiled.peers.map((peer) => {
      const tiles = compiled.tilesOf(peer);
      const programs = tiles.map(({ segment, lane, tile }) => compiled.program(segment, lane, tile));
      const frames = tiles.map(({ segment, lane }) =>
        laneFrames(compiled.plan.segments[segment]!.lanes, lane, window),
      );
      return [peer, memoryOfTiles(programs, frames, storageOf(peer))];
    }),
  );
}
