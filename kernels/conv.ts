/**
 * Convolution over one to three axes, channels last, float32: `y = clamp(bias + Σ x · w, low, high)`.
 *
 * By indirection (Dukhan, "The Indirect Convolution Algorithm", arXiv:1907.02129): a table says where each tap of each
 * place of the output begins in `x`, or that it lies in the padding; so stride, dilation, padding and the number of axes
 * are matters of the table, and one loop over input channels serves them all. Four places and eight output channels are
 * summed at a time: what of them and their operands fits into sixteen vector registers.
 *
 * Every sum runs over taps and input channels in the same order, whatever else is computed beside it, so a part of the
 * output has the same bits as the whole.
 */
import { fma } from './lib/fma';

/** Places summed at a time. */
const PLACES: u32 = 4;
/** Output channels summed at a time; filters are laid out in panels of as many. */
const PANEL: u32 = 8;

/** Triples are frame, row, column. */
function at(geometry: usize, field: u32): i32 {
  return load<i32>(geometry + ((<usize>field) << 2));
}

/**
 * @param geometry int32: input extents [3], output extents [3], filter extents [3], strides [3], dilations [3],
 * padding before [3], bytes from one input place to the next, bytes from one output place to the next, input channels,
 * output channels, output places per round.
 * @param x the first input channel at the first place; `y` likewise.
 * @param zeros as many zeros as there are input channels, and
 * @param table room for four bytes per tap and place of one round, places rounded up to four.
 * @param w panels of eight output channels `[panel][tap][input channel][8]`, the last one filled up with zeros.
 * @param bias one value per output channel, filled up to whole panels.
 * @param from the first place of the output that is computed, a multiple of four, and
 * @param to the one behind the last: several threads may compute a part each, with a table of their own.
 */
export function conv(
  geometry: usize,
  x: usize,
  zeros: usize,
  table: usize,
  w: usize,
  bias: usize,
  y: usize,
  low: f32,
  high: f32,
  from: u32,
  to: u32,
): void {
  const taps: u32 = at(geometry, 6) * at(geometry, 7) * at(geometry, 8);
  const pitch: usize = at(geometry, 19);
  const inChannels: u32 = at(geometry, 20);
  const outChannels: u32 = at(geometry, 21);
  const round: u32 = at(geometry, 22);
  const panelBytes = <usize>taps * inChannels * PANEL * 4;
  for (let first: u32 = from; first < to; first += round) {
    const count = min(round, to - first);
    fillTable(geometry, x, zeros, table, first, count);
    for (let channel: u32 = 0; channel < outChannels; channel += PANEL) {
      const panel = w + <usize>(channel / PANEL) * panelBytes;
      const width = min(PANEL, outChannels - channel);
      const biases = bias + <usize>channel * 4;
      let target = y + <usize>first * pitch + <usize>channel * 4;
      let entries = table;
      for (let place: u32 = 0; place < count; place += PLACES) {
        sum(
          entries,
          taps,
          inChannels,
          panel,
          biases,
          target,
          pitch,
          min(PLACES, count - place),
          width,
          low,
          high,
        );
        entries += <usize>taps * PLACES * 4;
        target += pitch * PLACES;
      }
    }
  }
}

/** Entries `[places / 4][tap][4]`; a last group that is not full repeats its last place. */
function fillTable(geometry: usize, x: usize, zeros: usize, table: usize, first: u32, count: u32): void {
  const frames = at(geometry, 0);
  const rows = at(geometry, 1);
  const columns = at(geometry, 2);
  const outRows: u32 = at(geometry, 4);
  const outColumns: u32 = at(geometry, 5);
  const filterFrames = at(geometry, 6);
  const filterRows = at(geometry, 7);
  const filterColumns = at(geometry, 8);
  const dilationFrames = at(geometry, 12);
  const dilationRows = at(geometry, 13);
  const dilationColumns = at(geometry, 14);
  const pixel: usize = at(geometry, 18);
  const taps: usize = filterFrames * filterRows * filterColumns;
  const whole = (count + PLACES - 1) & ~(PLACES - 1);
  for (let index: u32 = 0; index < whole; index++) {
    const place = first + min(index, count - 1);
    const column = <i32>(place % outColumns) * at(geometry, 11) - at(geometry, 17);
    const line = place / outColumns;
    const row = <i32>(line % outRows) * at(geometry, 10) - at(geometry, 16);
    const frame = <i32>(line / outRows) * at(geometry, 9) - at(geometry, 15);
    let entry = table + (<usize>(index / PLACES) * taps * PLACES + (index % PLACES)) * 4;
    for (let t = 0; t < filterFrames; t++) {
      const z = frame + t * dilationFrames;
      for (let r = 0; r < filterRows; r++) {
        const v = row + r * dilationRows;
        const outside = <u32>z >= <u32>frames || <u32>v >= <u32>rows;
        const start = (z * rows + v) * columns;
        for (let c = 0; c < filterColumns; c++) {
          const u = column + c * dilationColumns;
          const padding = outside || <u32>u >= <u32>columns;
          store<u32>(entry, padding ? zeros : x + <usize>(start + u) * pixel);
          entry += PLACES * 4;
        }
      }
    }
  }
}

/**
 * Four places by eight channels. One step per turn of the inner loop on purpose: longer bodies make V8 load all
 * operands first and spill them.
 */
function sum(
  entries: usize,
  taps: u32,
  inChannels: u32,
  w: usize,
  bias: usize,
  y: usize,
  pitch: usize,
  places: u32,
  width: u32,
  low: f32,
  high: f32,
): void {
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let b0 = a0;
  let b1 = a1;
  let c0 = a0;
  let c1 = a1;
  let d0 = a0;
  let d1 = a1;
  do {
    let xa: usize = load<u32>(entries);
    let xb: usize = load<u32>(entries, 4);
    let xc: usize = load<u32>(entries, 8);
    let xd: usize = load<u32>(entries, 12);
    entries += PLACES * 4;
    let left = inChannels;
    do {
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      w += PANEL * 4;
      const va = v128.load32_splat(xa);
      a0 = fma(va, w0, a0);
      a1 = fma(va, w1, a1);
      const vb = v128.load32_splat(xb);
      b0 = fma(vb, w0, b0);
      b1 = fma(vb, w1, b1);
      const vc = v128.load32_splat(xc);
      c0 = fma(vc, w0, c0);
      c1 = fma(vc, w1, c1);
      const vd = v128.load32_splat(xd);
      d0 = fma(vd, w0, d0);
      d1 = fma(vd, w1, d1);
      xa += 4;
      xb += 4;
      xc += 4;
      xd += 4;
    } while (--left);
  } while (--taps);
  finish(y, a0, a1, width, low, high);
  if (places > 1) finish(y + pitch, b0, b1, width, low, high);
  if (places > 2) finish(y + pitch * 2, c0, c1, width, low, high);
  if (places > 3) finish(y + pitch * 3, d0, d1, width, low, high);
}

/** Clamps and stores the first `width` of eight channels. */
function finish(y: usize, s0: v128, s1: v128, width: u32, low: f32, high: f32): void {
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  let v = f32x4.min(f32x4.max(s0, lows), highs);
  let rest = width;
  if (rest >= 4) {
    v128.store(y, v);
    y += 16;
    rest -= 4;
    v = f32x4.min(f32x4.max(s1, lows), highs);
  }
  if (rest == 4) v128.store(y, v);
  else storeSome(y, v, rest);
}

function storeSome(y: usize, v: v128, count: u32): void {
  if (count > 0) v128.store_lane<f32>(y, v, 0);
  if (count > 1) v128.store_lane<f32>(y + 4, v, 1);
  if (count > 2) v128.store_lane<f32>(y + 8, v, 2);
}
