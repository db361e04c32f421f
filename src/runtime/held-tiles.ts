import type { LoadedTile } from '../engine/engine.ts';
import { boxEquals, boxSize, intersect, isEmpty, subtract, type Box } from '../graph/box.ts';
import { transferRegion } from '../graph/region-copy.ts';
import { programKey, type TileProgram } from '../graph/tile-program.ts';

type ReadSlice = (name: string, box: Box) => Promise<Float32Array>;

interface HeldSlice {
  readonly box: Box;
  readonly tile: LoadedTile;
  readonly index: number;
}

/** Reading a slice back from the engine for less than this part of it costs more than it saves. */
const WORTH_READING = 0.25;

/**
 * Tiles that several epochs of a session have in common, and their weights. A tile is loaded once for all epochs whose plans
 * have it, and disposed when the last of them is released.
 */
export class HeldTiles {
  readonly #users = new Map<LoadedTile, number>();
  readonly #programs = new Map<LoadedTile, { readonly program: TileProgram; readonly key: string }>();

  /** A tile that was loaded, for one epoch. */
  add(tile: LoadedTile, program: TileProgram): void {
    this.#users.set(tile, 1);
    this.#programs.set(tile, { program, key: programKey(program) });
  }

  /** Of these tiles the one that computes `program`, for one epoch more. */
  share(program: TileProgram, tiles: Iterable<LoadedTile>): LoadedTile | undefined {
    const key = programKey(program);
    for (const tile of tiles) {
      const users = this.#users.get(tile);
      if (users === undefined || this.#programs.get(tile)!.key !== key) continue;
      this.#users.set(tile, users + 1);
      return tile;
    }
    return undefined;
  }

  /** One epoch less has this tile. */
  async release(tile: LoadedTile): Promise<void> {
    const users = (this.#users.get(tile) ?? 1) - 1;
    if (users > 0) {
      this.#users.set(tile, users);
      return;
    }
    this.#users.delete(tile);
    this.#programs.delete(tile);
    await tile.dispose();
  }

  /** Slices from the tiles given, as far as they hold them, and the rest from `read`. */
  reader(tiles: Iterable<LoadedTile>, read: ReadSlice, onReused: (sizeBytes: number) => void): ReadSlice {
    const held = new Map<string, HeldSlice[]>();
    for (const tile of tiles) {
      for (const [index, { name, box }] of (this.#programs.get(tile)?.program.weights ?? []).entries()) {
        const slices = held.get(name) ?? [];
        if (!slices.some((slice) => boxEquals(slice.box, box))) slices.push({ box, tile, index });
        held.set(name, slices);
      }
    }
    return async (name, box) => {
      const slices = held.get(name) ?? [];
      const equal = slices.find((slice) => boxEquals(slice.box, box));
      const whole = equal && (await valuesOf(equal));
      if (whole) {
        onReused(whole.byteLength);
        return whole;
      }
      return assemble(name, box, slices, read, onReused);
    };
  }
}

async function assemble(
  name: string,
  box: Box,
  slices: readonly HeldSlice[],
  read: ReadSlice,
  onReused: (sizeBytes: number) => void,
): Promise<Float32Array> {
  let missing: readonly Box[] = [box];
  let values: Float32Array | undefined;
  for (const slice of slices) {
    const regions = missing.map((part) => intersect(part, slice.box)).filter((part) => !isEmpty(part));
    const size = regions.reduce((sum, region) => sum + boxSize(region), 0);
    if (size === 0 || size < WORTH_READING * boxSize(slice.box)) continue;
    const from = await valuesOf(slice);
    if (!from) continue;
    values ??= new Float32Array(boxSize(box));
    for (const region of regions) transferRegion(from, slice.box, values, box, region);
    missing = missing.flatMap((part) => subtract(part, slice.box));
    onReused(4 * size);
  }
  if (!values) return read(name, box);
  for (const part of missing) transferRegion(await read(name, part), part, values, box, part);
  return values;
}

/** A tile that has been disposed meanwhile gives nothing: its slices are read like others then. */
const valuesOf = ({ tile, index }: HeldSlice): Promise<Float32Array | undefined> =>
  tile.weight?.(index).catch(() => undefined) ?? Promise.resolve(undefined);
