import { boxSize, type Box } from '../graph/box.ts';
import { cropRegion, transferRegion } from '../graph/region-copy.ts';
import type { Piece } from '../planner/compiled-plan.ts';
import { PeerceptronError } from '../shared/errors.ts';

/**
 * Assembles one box from the pieces that its producers send: copied into place, or added in list order (so that the
 * sum does not depend on who is faster). A piece that is contiguous in the box is received right where it belongs.
 */
export class BoxAssembly {
  readonly buffer: Float32Array;
  readonly #box: Box;
  readonly #pieces: readonly Piece[];
  readonly #staged: (Float32Array | undefined)[];
  readonly #arrived: boolean[];
  #nextToAdd = 0;
  #missing: number;

  constructor(box: Box, pieces: readonly Piece[]) {
    this.#box = box;
    this.#pieces = pieces;
    this.#staged = new Array<Float32Array | undefined>(pieces.length).fill(undefined);
    this.#arrived = new Array<boolean>(pieces.length).fill(false);
    this.#missing = pieces.length;
    this.buffer = new Float32Array(boxSize(box));
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Where piece `index` is to be written, in full, before `arrived(index)`. Throws `PROTOCOL_ORDER` the second time. */
  target(index: number): Float32Array {
    if (this.#staged[index] || this.#arrived[index]) {
      throw new PeerceptronError('PROTOCOL_ORDER', `piece ${index} of an input was announced twice`);
    }
    const { region, combine } = this.#pieces[index]!;
    const view = combine === 'copy' ? contiguousView(this.buffer, this.#box, region) : undefined;
    return (this.#staged[index] = view ?? new Float32Array(boxSize(region)));
  }

  arrived(index: number): void {
    const { region, combine } = this.#pieces[index]!;
    const staged = this.#staged[index]!;
    this.#arrived[index] = true;
    this.#missing -= 1;
    if (combine === 'copy') {
      if (staged.buffer !== this.buffer.buffer)
        transferRegion(staged, region, this.buffer, this.#box, region);
      this.#staged[index] = undefined;
      return;
    }
    while (this.#nextToAdd < this.#pieces.length && this.#arrived[this.#nextToAdd]) {
      const partial = this.#pieces[this.#nextToAdd]!.region;
      transferRegion(this.#staged[this.#nextToAdd]!, partial, this.buffer, this.#box, partial, 'add');
      this.#staged[this.#nextToAdd] = undefined;
      this.#nextToAdd += 1;
    }
  }
}

/** `region` of a buffer that holds `box`: a view where it is one run of memory, a copy otherwise. */
export function regionOf(buffer: Float32Array, box: Box, region: Box): Float32Array {
  return contiguousView(buffer, box, region) ?? cropRegion(buffer, box, region);
}

function contiguousView(buffer: Float32Array, box: Box, region: Box): Float32Array | undefined {
  let offset = 0;
  let inside = false; // beyond the first axis of which the region takes more than one element
  for (const [axis, [start, end]] of region.entries()) {
    const [boxStart, boxEnd] = box[axis]!;
    if (inside && (start !== boxStart || end !== boxEnd)) return undefined;
    if (end - start > 1) inside = true;
    offset = offset * (boxEnd - boxStart) + (start - boxStart);
  }
  return buffer.subarray(offset, offset + boxSize(region));
}
