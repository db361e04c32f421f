import { formatBox, type Box } from '../graph/box.ts';
import type { TileProgram } from '../graph/tile-program.ts';

type ReadSlice = (name: string, box: Box) => Promise<Float32Array>;

const keyOf = (name: string, box: Box): string => `${formatBox(box)} ${name}`;

/**
 * The weight slices of one peer's tiles. A slice that several tiles need (row bands of one convolution on one peer,
 * one lane beside another) is read once; every tile gets a buffer of its own, because engines take buffers over.
 */
export class SharedSlices {
  readonly #read: ReadSlice;
  /** How many tiles still wait for a slice. */
  readonly #uses = new Map<string, number>();
  readonly #kept = new Map<string, Promise<Float32Array>>();

  constructor(programs: readonly TileProgram[], read: ReadSlice) {
    this.#read = read;
    for (const { weights } of programs) {
      for (const { name, box } of weights) {
        const key = keyOf(name, box);
        this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
      }
    }
  }

  /** Once per tile that was announced; the last one gets the buffer that was read, the others copies. */
  async take(name: string, box: Box): Promise<Float32Array> {
    const key = keyOf(name, box);
    const others = (this.#uses.get(key) ?? 1) - 1;
    this.#uses.set(key, others);
    const slice = this.#kept.get(key) ?? this.#read(name, box);
    if (others > 0) this.#kept.set(key, slice);
    else this.#kept.delete(key);
    const values = await slice;
    return others > 0 ? values.slice() : values;
  }
}
