import { PeerceptronError } from '../../shared/errors.ts';

/**
 * Eight bits per number: `value = (code − zero) · scale`, with a scale and a zero point for each channel. Zero is always among
 * the values, exactly, and no value of the channel is further from its code than half a scale.
 */
export interface U8Scales {
  /** Positive and finite. */
  readonly scale: Float32Array;
  /** The code of the value 0. */
  readonly zero: Uint8Array;
}

/** Least and largest values per channel so far, and zero. */
export class U8Ranges {
  /** Bits of the largest positive value; NaN and infinities are above all numbers. */
  readonly #high: Int32Array;
  /** Bits of the least negative value, which as unsigned integers grow with the magnitude. */
  readonly #low: Uint32Array;

  constructor(channels: number) {
    this.#high = new Int32Array(channels);
    this.#low = new Uint32Array(channels).fill(NEGATIVE_ZERO);
  }

  /** Takes in `count` values, given by their bits, the first of them of channel `channel`. */
  add(bits: Int32Array, from: number, count: number, channel: number, measure = measureU8): void {
    measure(bits, from, count, channel, this.#high, this.#low);
  }

  /** @throws CODEC_RANGE for NaN and infinities, which have no code, and for magnitudes beyond 2^127, which might overflow when decoded */
  scales(): U8Scales {
    const highs = new Float32Array(this.#high.buffer);
    const lows = new Float32Array(this.#low.buffer);
    const scale = new Float32Array(highs.length);
    const zero = new Uint8Array(highs.length);
    for (let c = 0; c < scale.length; c++) {
      const low = lows[c]!;
      const high = highs[c]!;
      // Not the other way round: a NaN is neither.
      if (!(high <= LARGEST && low >= -LARGEST)) throw outOfRange();
      // With zero strictly inside, one step is left over for moving it to a code of its own.
      const step = (high - low) / (low < 0 && high > 0 ? 254 : 255);
      scale[c] = step === 0 ? 1 : roundedUp(step);
      zero[c] = high > 0 ? Math.round(-low / scale[c]!) : low < 0 ? 255 : 0;
    }
    return { scale, zero };
  }
}

/** Raises `high` and `low`, of one entry per channel, to what is among the values: see `U8Ranges`. */
export function measureU8(
  bits: Int32Array,
  from: number,
  count: number,
  channel: number,
  high: Int32Array,
  low: Uint32Array,
): void {
  const channels = high.length;
  const end = from + count;
  for (let i = from, c = channel; i < end; c = 0) {
    for (const stop = Math.min(end, i + channels - c); i < stop; i++, c++) {
      const value = bits[i]!;
      if (value > high[c]!) high[c] = value;
      if (value >>> 0 > low[c]!) low[c] = value;
    }
  }
}

const LARGEST = 2 ** 127;
const NEGATIVE_ZERO = 0x8000_0000;
const outOfRange = (): PeerceptronError =>
  new PeerceptronError(
    'CODEC_RANGE',
    'an activation is NaN, infinite or beyond 2^127, which the codec u8 cannot carry: use f32 or f16 for this tensor',
  );

const SMALLEST = 2 ** -149;
const one = new Float32Array(1);
const oneBits = new Uint32Array(one.buffer);

/** The least float32 that is no less than a positive `value`: a scale that is too small would not reach the end of its range. */
function roundedUp(value: number): number {
  one[0] = value;
  if (one[0] < value) oneBits[0]! += 1;
  return Math.max(one[0], SMALLEST);
}

/** What encoding multiplies by and adds: a division per number would take longer than all the rest, and a half rounds to nearest. */
export interface U8Steps {
  readonly inverse: Float64Array;
  readonly zeroAndHalf: Float64Array;
}

export const stepsOf = ({ scale, zero }: U8Scales): U8Steps => ({
  inverse: Float64Array.from(scale, (value) => 1 / value),
  zeroAndHalf: Float64Array.from(zero, (code) => code + 0.5),
});

/** Codes of `count` values, the first of them of channel `channel`; the values are within the ranges that gave the scales. */
export function encodeU8(
  values: Float32Array,
  from: number,
  count: number,
  channel: number,
  { inverse, zeroAndHalf }: U8Steps,
  target: Uint8Array,
  at: number,
): void {
  const channels = inverse.length;
  let c = channel;
  for (let i = 0; i < count; i++) {
    // What is behind the point is cut off; nothing is below zero here.
    target[at + i] = values[from + i]! * inverse[c]! + zeroAndHalf[c]!;
    if (++c === channels) c = 0;
  }
}

export function decodeU8(
  codes: Uint8Array,
  from: number,
  count: number,
  channel: number,
  { scale, zero }: U8Scales,
  target: Float32Array,
  at: number,
): void {
  const channels = scale.length;
  let c = channel;
  for (let i = 0; i < count; i++) {
    target[at + i] = (codes[from + i]! - zero[c]!) * scale[c]!;
    if (++c === channels) c = 0;
  }
}

/** All scales, little-endian, then all zero points. */
export function writeU8Header({ scale, zero }: U8Scales): Uint8Array {
  const header = new Uint8Array(scale.length * 5);
  const view = new DataView(header.buffer);
  for (let c = 0; c < scale.length; c++) view.setFloat32(c * 4, scale[c]!, true);
  header.set(zero, scale.length * 4);
  return header;
}

/** @throws PROTOCOL_MALFORMED for a scale that is not positive and finite */
export function parseU8Header(header: Uint8Array): U8Scales {
  const channels = header.length / 5;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const scale = Float32Array.from({ length: channels }, (_, c) => view.getFloat32(c * 4, true));
  const bad = scale.findIndex((value) => !(value > 0 && value < Infinity));
  if (bad >= 0) {
    throw new PeerceptronError(
      'PROTOCOL_MALFORMED',
      `channel ${bad} of a u8 tensor has the scale ${scale[bad]}, which is not positive and finite`,
    );
  }
  return { scale, zero: header.slice(channels * 4) };
}
