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

/** Least and largest values per channel so far. */
export class U8Ranges {
  readonly low: Float32Array;
  readonly high: Float32Array;

  constructor(channels: number) {
    this.low = new Float32Array(channels);
    this.high = new Float32Array(channels);
  }

  /**
   * Takes in `count` values, the first of them of channel `channel`.
   * @throws CODEC_RANGE for NaN and infinities, for which there is no code.
   */
  add(values: Float32Array, from: number, count: number, channel: number): void {
    const { low, high } = this;
    const channels = low.length;
    let c = channel;
    let unencodable = 0;
    for (let i = from, end = from + count; i < end; i++) {
      const value = values[i]!;
      if (value > high[c]!) high[c] = value;
      else if (value < low[c]!) low[c] = value;
      unencodable += value * 0; // NaN for NaN and infinities
      if (++c === channels) c = 0;
    }
    if (unencodable !== 0) throw outOfRange('NaN or infinite');
  }

  /** @throws CODEC_RANGE when a magnitude is beyond 2^127: decoded, it might overflow. */
  scales(): U8Scales {
    const scale = new Float32Array(this.low.length);
    const zero = new Uint8Array(this.low.length);
    for (let c = 0; c < scale.length; c++) {
      const low = this.low[c]!;
      const high = this.high[c]!;
      if (high > LARGEST || low < -LARGEST) throw outOfRange('beyond 2^127');
      // With zero strictly inside, one step is left over for moving it to a code of its own.
      const step = (high - low) / (low < 0 && high > 0 ? 254 : 255);
      scale[c] = step === 0 ? 1 : roundedUp(step);
      zero[c] = high > 0 ? nearestEven(-low / scale[c]!) : low < 0 ? 255 : 0;
    }
    return { scale, zero };
  }
}

const LARGEST = 2 ** 127;
const outOfRange = (what: string): PeerceptronError =>
  new PeerceptronError(
    'CODEC_RANGE',
    `an activation is ${what}, which the codec u8 cannot carry: use f32 or f16 for this tensor`,
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

/** Adding and taking away this leaves no bits behind the point: to nearest, ties to even. */
const MAGIC = 1.5 * 2 ** 52;
const nearestEven = (value: number): number => value + MAGIC - MAGIC;

/** What encoding multiplies by: a division per number would take longer than all the rest. */
export const inverseScales = ({ scale }: U8Scales): Float64Array => Float64Array.from(scale, (s) => 1 / s);

/** Codes of `count` values, the first of them of channel `channel`; the values are within the ranges that gave the scales. */
export function encodeU8(
  values: Float32Array,
  from: number,
  count: number,
  channel: number,
  inverse: Float64Array,
  zero: Uint8Array,
  target: Uint8Array,
  at: number,
): void {
  const channels = zero.length;
  let c = channel;
  for (let i = 0; i < count; i++) {
    target[at + i] = values[from + i]! * inverse[c]! + zero[c]! + MAGIC - MAGIC;
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
