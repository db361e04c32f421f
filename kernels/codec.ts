/**
 * The inner loops of the codecs f16 and u8, 16 numbers at a time, with the same bits as the plain loops of
 * `src/protocol/codec`. All work on whole vectors: what lies behind `count` up to the next multiple of 16 is read and
 * written too.
 *
 * Numbers of u8 belong to channels in turn. What is kept per channel lies in tables of `period` entries, the channels
 * over and over (a multiple of their count, 16 at least), with the first 16 once more behind: so the entries of 16
 * numbers in a row are 16 entries in a row, wherever they begin.
 */

/** `source`: float32; `target`: binary16. */
export function f16Encode(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 64, target += 32) {
    v128.store(target, i16x8.narrow_i32x4_u(half(v128.load(source)), half(v128.load(source, 16))));
    v128.store(target, i16x8.narrow_i32x4_u(half(v128.load(source, 32)), half(v128.load(source, 48))), 16);
  }
}

function half(value: v128): v128 {
  const magnitude = v128.and(value, i32x4.splat(0x7fff_ffff));
  const cut = i32x4.shr_u(magnitude, 13);
  // Half way between the largest number and the next that there would be: rounding makes it infinite.
  const limited = i32x4.min_s(magnitude, i32x4.splat(0x477f_f000));
  const odd = v128.and(i32x4.shr_u(limited, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(limited, i32x4.splat(0xfff - 0x3800_0000)), odd), 13);
  // Between 0.5 and 1 float32 has the steps that subnormal numbers have: the addition rounds.
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f00_0000));
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x3880_0000)));
  const payload = v128.or(v128.and(cut, i32x4.splat(1023)), i32x4.splat(0x200));
  const nan = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7f80_0000)), payload);
  const sign = v128.and(i32x4.shr_u(value, 16), i32x4.splat(0x8000));
  return v128.or(v128.or(finite, nan), sign);
}

/** `source`: binary16; `target`: float32. */
export function f16Decode(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 32, target += 64) {
    const low = v128.load(source);
    const high = v128.load(source, 16);
    v128.store(target, single(i32x4.extend_low_i16x8_u(low)));
    v128.store(target, single(i32x4.extend_high_i16x8_u(low)), 16);
    v128.store(target, single(i32x4.extend_low_i16x8_u(high)), 32);
    v128.store(target, single(i32x4.extend_high_i16x8_u(high)), 48);
  }
}

function single(half: v128): v128 {
  const magnitude = v128.and(half, i32x4.splat(0x7fff));
  const rebias = i32x4.splat(0x3800_0000);
  const normal = i32x4.add(i32x4.shl(magnitude, 13), rebias);
  // Infinities and NaN: the largest exponent of float32 too.
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), rebias);
  const subnormal = f32x4.sub(v128.or(magnitude, i32x4.splat(0x3f00_0000)), f32x4.splat(0.5));
  const small = i32x4.lt_s(magnitude, i32x4.splat(0x400));
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16);
  return v128.or(v128.bitselect(subnormal, i32x4.add(normal, special), small), sign);
}

/**
 * Raises `high` (the bits compared as signed integers) and `low` (as unsigned ones), tables of 32-bit entries, to what
 * is among the numbers.
 */
export function u8Measure(
  source: usize,
  count: u32,
  high: usize,
  low: usize,
  channel: u32,
  period: u32,
): void {
  const end = source + ((<usize>count) << 2);
  for (let entry = channel; source < end; source += 64) {
    const at = (<usize>entry) << 2;
    raise(v128.load(source), high + at, low + at);
    raise(v128.load(source, 16), high + at + 16, low + at + 16);
    raise(v128.load(source, 32), high + at + 32, low + at + 32);
    raise(v128.load(source, 48), high + at + 48, low + at + 48);
    entry = after(entry, period);
  }
}

function raise(bits: v128, high: usize, low: usize): void {
  v128.store(high, i32x4.max_s(bits, v128.load(high)));
  v128.store(low, i32x4.max_u(bits, v128.load(low)));
}

function after(entry: u32, period: u32): u32 {
  const next = entry + 16;
  return next >= period ? next - period : next;
}

/** `inverse` and `zeroAndHalf`: tables of float64. */
export function u8Encode(
  source: usize,
  target: usize,
  count: u32,
  inverse: usize,
  zeroAndHalf: usize,
  channel: u32,
  period: u32,
): void {
  const end = source + ((<usize>count) << 2);
  for (let entry = channel; source < end; source += 64, target += 16) {
    const at = (<usize>entry) << 3;
    const a = codes(v128.load(source), inverse + at, zeroAndHalf + at);
    const b = codes(v128.load(source, 16), inverse + at + 32, zeroAndHalf + at + 32);
    const c = codes(v128.load(source, 32), inverse + at + 64, zeroAndHalf + at + 64);
    const d = codes(v128.load(source, 48), inverse + at + 96, zeroAndHalf + at + 96);
    v128.store(target, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
    entry = after(entry, period);
  }
}

function codes(values: v128, inverse: usize, zeroAndHalf: usize): v128 {
  const upper = v128.shuffle<i32>(values, values, 2, 3, 2, 3);
  const a = whole(f64x2.promote_low_f32x4(values), inverse, zeroAndHalf);
  const b = whole(f64x2.promote_low_f32x4(upper), inverse + 16, zeroAndHalf + 16);
  return v128.and(v128.shuffle<i32>(a, b, 0, 2, 4, 6), i32x4.splat(255));
}

/** Two integers, in the lower halves: where the steps of float64 are 1, its last bits are the integer. */
function whole(values: v128, inverse: usize, zeroAndHalf: usize): v128 {
  const codes = f64x2.add(f64x2.mul(values, v128.load(inverse)), v128.load(zeroAndHalf));
  return f64x2.add(f64x2.trunc(codes), f64x2.splat(6755399441055744.0));
}

/** `scale` and `zero`: tables of float32. */
export function u8Decode(
  source: usize,
  target: usize,
  count: u32,
  scale: usize,
  zero: usize,
  channel: u32,
  period: u32,
): void {
  const end = source + <usize>count;
  for (let entry = channel; source < end; source += 16, target += 64) {
    const at = (<usize>entry) << 2;
    const bytes = v128.load(source);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    v128.store(target, value(i32x4.extend_low_i16x8_u(low), scale + at, zero + at));
    v128.store(target, value(i32x4.extend_high_i16x8_u(low), scale + at + 16, zero + at + 16), 16);
    v128.store(target, value(i32x4.extend_low_i16x8_u(high), scale + at + 32, zero + at + 32), 32);
    v128.store(target, value(i32x4.extend_high_i16x8_u(high), scale + at + 48, zero + at + 48), 48);
    entry = after(entry, period);
  }
}

function value(codes: v128, scale: usize, zero: usize): v128 {
  return f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(codes), v128.load(zero)), v128.load(scale));
}
