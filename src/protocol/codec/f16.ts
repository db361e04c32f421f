/**
 * IEEE 754 binary16: rounded to nearest, ties to even. Magnitudes from 65,520 on become infinite, below 2^-14 subnormal, up to
 * 2^-25 zero; signs, infinities and NaN stay what they are.
 */

/** What every one of the 65,536 patterns means, as bits of float32. */
const F32_BITS_OF_F16 = Uint32Array.from({ length: 65_536 }, (_, half) => {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return (sign | 0x7f80_0000 | (mantissa << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // Normalized: the leading bit of the mantissa becomes the implicit one.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 1023) << 13)) >>> 0;
});

const MIN_NORMAL = 0x3880_0000; // 2^-14
const TIES_TO_ZERO = 0x3300_0000; // 2^-25
const OVERFLOW = 0x477f_f000; // 65520: half way between the largest number, 65504, and the next that there would be

/** `bits`: of float32. `target` gets two bytes each, little-endian. */
export function encodeF16(
  bits: Uint32Array,
  from: number,
  count: number,
  target: Uint16Array,
  at: number,
): void {
  for (let i = 0; i < count; i++) {
    const value = bits[from + i]!;
    const magnitude = value & 0x7fff_ffff;
    const rounded = (magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >> 13;
    // Zeros, at random places after a ReLU, must not cost a branch that is predicted wrong: negative ones are cut to 0.
    let half = rounded & ~(rounded >> 31);
    if ((magnitude - TIES_TO_ZERO - 1) >>> 0 < MIN_NORMAL - TIES_TO_ZERO - 1) half = subnormal(magnitude);
    else if (magnitude >= OVERFLOW) half = infinityOrNaN(magnitude);
    target[at + i] = ((value >>> 16) & 0x8000) | half;
  }
}

function subnormal(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7f_ffff) | 0x80_0000;
  return (mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift;
}

/** A NaN is made quiet, and keeps what fits of its payload. */
const infinityOrNaN = (magnitude: number): number =>
  magnitude > 0x7f80_0000 ? 0x7e00 | ((magnitude >>> 13) & 1023) : 0x7c00;

/** `target`: bits of float32, so that no NaN changes on the way. `bytes` need no alignment. */
export function decodeF16(
  bytes: Uint8Array,
  from: number,
  count: number,
  target: Uint32Array,
  at: number,
): void {
  for (let i = 0, byte = from; i < count; i++, byte += 2) {
    target[at + i] = F32_BITS_OF_F16[bytes[byte]! | (bytes[byte + 1]! << 8)]!;
  }
}
