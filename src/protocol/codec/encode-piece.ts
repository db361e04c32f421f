import type { Box } from '../../graph/box.ts';
import type { PixelInput } from '../../graph/pixels.ts';
import { RegionRuns } from '../../graph/region-runs.ts';
import { scaleCount } from '../../planner/codec.ts';
import { codecLoops } from './loops.ts';
import { f32ToBytes } from '../codec.ts';
import { writePixelHeader } from './pixels.ts';
import { stepsOf, U8Ranges, writeU8Header, type U8Scales } from './u8.ts';

/** A piece as its stream has it, made stretch by stretch: neither the region nor its encoding lies in memory whole. */
export interface EncodedPiece {
  readonly totalBytes: number;
  /** Bytes `[start, end)`, in any order of calls; valid until the next one. */
  read(start: number, end: number): Uint8Array;
}

/** `region` of a buffer that holds `box`, as f32: the bytes as they lie where it is one run of memory. */
export function encodeF32Piece(values: Float32Array, box: Box, region: Box): Uint8Array | EncodedPiece {
  const bytes = f32ToBytes(values);
  const runs = new RegionRuns(box, region, 4);
  const at = runs.contiguousAt;
  if (at !== undefined) return bytes.subarray(at, at + runs.size);
  return new ReadPiece(NO_HEADER, 4, runs.size, (start, end, target) => {
    runs.visit(start, end, (from, piece, count) => copyBytes(bytes, from, target, piece - start, count));
  });
}

export function encodeF16Piece(values: Float32Array, box: Box, region: Box): EncodedPiece {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const runs = new RegionRuns(box, region);
  return new ReadPiece(NO_HEADER, 2, runs.size * 2, (start, end, target) => {
    const halves = new Uint16Array(target.buffer, target.byteOffset, target.length >> 1);
    const first = start >> 1;
    const { encodeF16 } = codecLoops();
    runs.visit(first, end >> 1, (from, piece, count) => encodeF16(bits, from, count, halves, piece - first));
  });
}

export function encodeU8Piece(values: Float32Array, box: Box, region: Box, scales: U8Scales): EncodedPiece {
  const steps = stepsOf(scales);
  const channels = scales.scale.length;
  const runs = new RegionRuns(box, region);
  return new ReadPiece(writeU8Header(scales), 1, runs.size, (start, end, target, at) => {
    const { encodeU8 } = codecLoops();
    runs.visit(start, end, (from, piece, count) =>
      encodeU8(values, from, count, piece % channels, steps, target, at + piece - start),
    );
  });
}

/** `region` of a picture whose bytes fill `box`. */
export function encodePixelPiece(input: PixelInput, box: Box, region: Box): EncodedPiece {
  const channelsFrom = box.at(-1)?.[0] ?? 0;
  const [first, end] = (region.at(-1) ?? [0, 1]).map((channel) => channel - channelsFrom);
  const { pixels } = input;
  const map = { scale: input.scale.slice(first, end), offset: input.offset.slice(first, end) };
  const runs = new RegionRuns(box, region);
  return new ReadPiece(writePixelHeader(map), 1, runs.size, (start, stop, target, at) => {
    runs.visit(start, stop, (from, piece, count) =>
      copyBytes(pixels, from, target, at + piece - start, count),
    );
  });
}

/**
 * The first of u8's two passes, in steps, so that a large tensor does not hold up what else the thread has to do. Call `advance` until it is
 * true.
 */
export class U8Measuring {
  readonly #bits: Int32Array;
  readonly #runs: RegionRuns;
  readonly #ranges: U8Ranges;
  readonly #channels: number;
  #done = 0;

  constructor(values: Float32Array, box: Box, region: Box) {
    this.#bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    this.#runs = new RegionRuns(box, region);
    this.#channels = scaleCount(region);
    this.#ranges = new U8Ranges(this.#channels);
  }

  /** Looks at the next `count` numbers; true when there are no more. */
  advance(count: number): boolean {
    const end = Math.min(this.#runs.size, this.#done + count);
    const { measureU8 } = codecLoops();
    this.#runs.visit(this.#done, end, (from, piece, length) =>
      this.#ranges.add(this.#bits, from, length, piece % this.#channels, measureU8),
    );
    this.#done = end;
    return end === this.#runs.size;
  }

  /** @throws CODEC_RANGE for NaN and infinities */
  scales(): U8Scales {
    return this.#ranges.scales();
  }
}

const NO_HEADER = new Uint8Array(0);

/** Bytes `[start, end)` of what follows the header, whole elements, into `target` from `at`. */
type Fill = (start: number, end: number, target: Uint8Array, at: number) => void;

class ReadPiece implements EncodedPiece {
  readonly totalBytes: number;
  readonly #header: Uint8Array;
  readonly #elementBytes: number;
  readonly #fill: Fill;
  #scratch = NO_HEADER;

  constructor(header: Uint8Array, elementBytes: number, bodyBytes: number, fill: Fill) {
    this.#header = header;
    this.#elementBytes = elementBytes;
    this.#fill = fill;
    this.totalBytes = header.length + bodyBytes;
  }

  read(start: number, end: number): Uint8Array {
    const header = this.#header;
    const fromHeader = header.subarray(start, end);
    // A chunk may begin or end inside an element.
    const size = this.#elementBytes;
    const first = Math.floor(Math.max(0, start - header.length) / size) * size;
    const last = Math.ceil(Math.max(0, end - header.length) / size) * size;
    const needed = fromHeader.length + last - first;
    if (this.#scratch.length < needed) this.#scratch = new Uint8Array(Math.ceil(needed / 8) * 8);
    this.#scratch.set(fromHeader);
    this.#fill(first, last, this.#scratch, fromHeader.length);
    const skipped = Math.max(0, start - header.length) - first;
    return this.#scratch.subarray(skipped, skipped + end - start);
  }
}

/** Below this, a loop beats the call of a library function. */
const SHORT_RUN_BYTES = 64;

export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  at: number,
  count: number,
): void {
  if (count > SHORT_RUN_BYTES) target.set(source.subarray(from, from + count), at);
  else for (let i = 0; i < count; i++) target[at + i] = source[from + i]!;
}
