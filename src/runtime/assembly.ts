import { boxSize, type Box } from '../graph/box.ts';
import { RegionRuns } from '../graph/region-runs.ts';
import { cropRegion, transferRegion } from '../graph/region-copy.ts';
import type { WireCodec } from '../planner/codec.ts';
import type { Piece } from '../planner/compiled-plan.ts';
import { decodePiece, type WritePiece } from '../protocol/codec/decode-piece.ts';
import { f32ToBytes } from '../protocol/codec.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { SpareBuffers } from '../shared/spare-buffers.ts';

/** How the bytes of a piece get into the box: right where they belong, or through what decodes and places them. */
export type PiecePlace = { readonly buffer: Uint8Array } | { readonly write: WritePiece };

/**
 * Assembles one box from the pieces that its producers send: copied into place, or added in list order (so that the
 * sum does not depend on who is faster). Copied pieces are received right where they belong, chunk by chunk.
 */
export class BoxAssembly {
  readonly buffer: Float32Array;
  readonly #box: Box;
  readonly #pieces: readonly Piece[];
  /** Partial sums that arrive or wait for their turn. */
  readonly #partials: (Float32Array | undefined)[];
  readonly #announced: boolean[];
  readonly #arrived: boolean[];
  #nextToAdd = 0;
  #missing: number;

  /** @param spare where the buffer's memory may come from */
  constructor(box: Box, pieces: readonly Piece[], spare?: SpareBuffers) {
    this.#box = box;
    this.#pieces = pieces;
    this.#partials = new Array<Float32Array | undefined>(pieces.length).fill(undefined);
    this.#announced = new Array<boolean>(pieces.length).fill(false);
    this.#arrived = new Array<boolean>(pieces.length).fill(false);
    this.#missing = pieces.length;
    this.buffer = spare?.take(boxSize(box)) ?? new Float32Array(boxSize(box));
    // Sums begin at nothing; what is copied covers the rest.
    if (spare && pieces.some(({ combine }) => combine === 'add')) this.buffer.fill(0);
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Where piece `index` is to be written, in full, before `arrived(index)`. Throws `PROTOCOL_ORDER` the second time. */
  place(index: number, codec: WireCodec): PiecePlace {
    const { region, combine } = this.#announce(index);
    if (combine === 'add') {
      const partial = (this.#partials[index] = new Float32Array(boxSize(region)));
      return { buffer: f32ToBytes(partial) };
    }
    const view = codec === 'f32' ? contiguousView(this.buffer, this.#box, region) : undefined;
    return view
      ? { buffer: f32ToBytes(view) }
      : { write: decodePiece(codec, this.buffer, this.#box, region) };
  }

  /** Piece `index` from a buffer on this device that holds `box`. */
  copy(index: number, values: Float32Array, box: Box): void {
    const { region, combine } = this.#announce(index);
    if (combine === 'add') this.#partials[index] = cropRegion(values, box, region);
    else transferRegion(values, box, this.buffer, this.#box, region);
    this.arrived(index);
  }

  arrived(index: number): void {
    this.#arrived[index] = true;
    this.#missing -= 1;
    if (this.#pieces[index]!.combine === 'copy') return;
    while (this.#nextToAdd < this.#pieces.length && this.#arrived[this.#nextToAdd]) {
      const partial = this.#pieces[this.#nextToAdd]!.region;
      transferRegion(this.#partials[this.#nextToAdd]!, partial, this.buffer, this.#box, partial, 'add');
      this.#partials[this.#nextToAdd] = undefined;
      this.#nextToAdd += 1;
    }
  }

  #announce(index: number): Piece {
    if (this.#announced[index]) {
      throw new PeerceptronError('PROTOCOL_ORDER', `piece ${index} of an input was announced twice`);
    }
    this.#announced[index] = true;
    return this.#pieces[index]!;
  }
}

function contiguousView(buffer: Float32Array, box: Box, region: Box): Float32Array | undefined {
  const runs = new RegionRuns(box, region);
  const at = runs.contiguousAt;
  return at === undefined ? undefined : buffer.subarray(at, at + runs.size);
}
