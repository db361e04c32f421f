/**
 * `y = clamp(bias + x · W, low, high)` for one vector `x[rows]` and `W[rows, units]` in row-major order, float32.
 *
 * Memory-bound: every weight is read once, in order, eight rows at a time, so that `y` (in the cache) is loaded and
 * stored once per eight rows. Columns that do not fill a vector take the same operations in the same order as the
 * others, so a column's sum does not depend on which columns are computed beside it.
 */
import { fma } from './lib/fma';

/**
 * Arguments are addresses of float32 arrays that do not overlap; no alignment is needed.
 * @param bias 0 where there is none.
 * @param from the first unit that is computed, and
 * @param to the one behind the last: several threads may compute a part each.
 */
export function dense(
  x: usize,
  w: usize,
  bias: usize,
  y: usize,
  rows: u32,
  units: u32,
  low: f32,
  high: f32,
  from: u32,
  to: u32,
): void {
  const pitch = (<usize>units) << 2;
  const start = (<usize>from) << 2;
  const width = (<usize>(to - from)) << 2;
  w += start;
  y += start;
  if (bias) memory.copy(y, bias + start, width);
  else memory.fill(y, 0, width);
  let row: u32 = 0;
  for (; row + 8 <= rows; row += 8) {
    addEightRows(x + ((<usize>row) << 2), w + <usize>row * pitch, y, pitch, width);
  }
  for (; row < rows; row++) {
    addRow(load<f32>(x + ((<usize>row) << 2)), w + <usize>row * pitch, y, width);
  }
  if (low != -Infinity || high != Infinity) clamp(y, width, low, high);
}

/** `pitch` bytes from one row of weights to the next, of which `width` are read. */
function addEightRows(x: usize, w: usize, y: usize, pitch: usize, width: usize): void {
  const x0 = v128.load32_splat(x);
  const x1 = v128.load32_splat(x, 4);
  const x2 = v128.load32_splat(x, 8);
  const x3 = v128.load32_splat(x, 12);
  const x4 = v128.load32_splat(x, 16);
  const x5 = v128.load32_splat(x, 20);
  const x6 = v128.load32_splat(x, 24);
  const x7 = v128.load32_splat(x, 28);
  const w1 = w + pitch;
  const w2 = w1 + pitch;
  const w3 = w2 + pitch;
  const w4 = w3 + pitch;
  const w5 = w4 + pitch;
  const w6 = w5 + pitch;
  const w7 = w6 + pitch;
  const whole = width & ~15;
  let o: usize = 0;
  for (; o < whole; o += 16) {
    let even = fma(x0, v128.load(w + o), v128.load(y + o));
    let odd = f32x4.mul(x1, v128.load(w1 + o));
    even = fma(x2, v128.load(w2 + o), even);
    odd = fma(x3, v128.load(w3 + o), odd);
    even = fma(x4, v128.load(w4 + o), even);
    odd = fma(x5, v128.load(w5 + o), odd);
    even = fma(x6, v128.load(w6 + o), even);
    odd = fma(x7, v128.load(w7 + o), odd);
    v128.store(y + o, f32x4.add(even, odd));
  }
  for (; o < width; o += 4) {
    let even = fma(x0, v128.load32_zero(w + o), v128.load32_zero(y + o));
    let odd = f32x4.mul(x1, v128.load32_zero(w1 + o));
    even = fma(x2, v128.load32_zero(w2 + o), even);
    odd = fma(x3, v128.load32_zero(w3 + o), odd);
    even = fma(x4, v128.load32_zero(w4 + o), even);
    odd = fma(x5, v128.load32_zero(w5 + o), odd);
    even = fma(x6, v128.load32_zero(w6 + o), even);
    odd = fma(x7, v128.load32_zero(w7 + o), odd);
    v128.store_lane<f32>(y + o, f32x4.add(even, odd), 0);
  }
}

function addRow(x: f32, w: usize, y: usize, width: usize): void {
  const xs = f32x4.splat(x);
  const whole = width & ~15;
  let o: usize = 0;
  for (; o < whole; o += 16) v128.store(y + o, fma(xs, v128.load(w + o), v128.load(y + o)));
  for (; o < width; o += 4) {
    v128.store_lane<f32>(y + o, fma(xs, v128.load32_zero(w + o), v128.load32_zero(y + o)), 0);
  }
}

function clamp(y: usize, sizeBytes: usize, low: f32, high: f32): void {
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const whole = sizeBytes & ~15;
  let o: usize = 0;
  for (; o < whole; o += 16) v128.store(y + o, f32x4.min(f32x4.max(v128.load(y + o), lows), highs));
  for (; o < sizeBytes; o += 4) {
    v128.store_lane<f32>(y + o, f32x4.min(f32x4.max(v128.load32_zero(y + o), lows), highs), 0);
  }
}
