import { describe, expect, it } from 'vitest';
import { decodeF16, encodeF16 } from '../../../../src/protocol/codec/f16.ts';
import { seededRandom } from '../../../../src/shared/random.ts';

const ALL = Uint16Array.from({ length: 65_536 }, (_, half) => half);

function decoded(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bytes = new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
  decodeF16(bytes, 0, halves.length, new Uint32Array(values.buffer), 0);
  return values;
}

function encoded(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  encodeF16(new Uint32Array(values.buffer, values.byteOffset, values.length), 0, values.length, halves, 0);
  return halves;
}

/** What a pattern means by the definition of the format, in double precision. */
function meaning(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + mantissa / 1024) : 2 ** -14 * (mantissa / 1024));
}

/** Nearest pattern by the definition of rounding, in double precision; ties go to the even one. */
function nearest(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // Half way between 65504 and 65536, where the next number would be; that one is even.
  if (magnitude >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1e-99)));
  const step = 2 ** (exponent - 10);
  const below = Math.floor(magnitude / step);
  const rest = magnitude / step - below;
  const steps = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  const rounded = steps * step;
  const top = Math.max(-14, Math.floor(Math.log2(rounded || 1e-99)));
  return rounded < 2 ** -14
    ? sign | Math.round(rounded / 2 ** -24)
    : sign | (((top + 15) << 10) + Math.round((rounded / 2 ** top - 1) * 1024));
}

describe('f16', () => {
  it('[COD2] decodes all 65,536 patterns to what they mean, and back to the same pattern', () => {
    const values = decoded(ALL);
    const back = encoded(values);
    for (let half = 0; half < 65_536; half++) {
      const value = values[half]!;
      expect(Object.is(value, meaning(half)), `${half.toString(16)} means ${value}`).toBe(true);
      if (!Number.isNaN(value)) expect(back[half], half.toString(16)).toBe(half);
      // A NaN stays one, quiet, with its sign and what fits of its payload.
      else expect(back[half], half.toString(16)).toBe(half | 0x0200);
    }
  });

  it('[COD2] rounds to nearest, ties to even, between all neighbours', () => {
    for (let half = 0; half < 0x7c00; half++) {
      const low = meaning(half);
      const high = half === 0x7bff ? 65_536 : meaning(half + 1);
      const tie = (low + high) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      const oneUp = Float32Array.of(tie);
      new Uint32Array(oneUp.buffer)[0]! += 1;
      const oneDown = Float32Array.of(tie);
      new Uint32Array(oneDown.buffer)[0]! -= 1;
      const given = Float32Array.of(tie, -tie, oneUp[0]!, oneDown[0]!);
      expect(given[0], 'a tie is a float32').toBe(tie);
      expect([...encoded(given)], `between ${low} and ${high}`).toEqual([
        even,
        0x8000 | even,
        half + 1,
        half,
      ]);
    }
  });

  it('[COD2] equals double arithmetic for a million random float32', () => {
    const random = seededRandom(16);
    const bits = Uint32Array.from({ length: 1_000_000 }, (_, index) =>
      // All patterns, and half of the time those around the range of f16.
      index % 2 === 0
        ? random.integer(2 ** 32)
        : ((random.integer(2) << 31) | ((100 + random.integer(46)) << 23) | random.integer(2 ** 23)) >>> 0,
    );
    const values = new Float32Array(bits.buffer);
    const halves = new Uint16Array(values.length);
    encodeF16(bits, 0, values.length, halves, 0);
    let wrong = 0;
    for (let i = 0; i < halves.length; i++) {
      const value = values[i]!;
      const right = Number.isNaN(value) ? (halves[i]! & 0x7e00) === 0x7e00 : halves[i] === nearest(value);
      if (!right && wrong++ === 0) expect(halves[i], `${value}`).toBe(nearest(value));
    }
    expect(wrong).toBe(0);
  });

  it('[COD2] large magnitudes become infinite, tiny ones zero, and infinities stay', () => {
    const values = Float32Array.of(65_504, 65_519.99, 65_520, 1e38, -1e38, Infinity, -Infinity, 2 ** -25, -(2 ** -26), -0, 2 ** -149); // prettier-ignore
    const back = [...decoded(encoded(values))];
    expect(back).toEqual([65_504, 65_504, Infinity, Infinity, -Infinity, Infinity, -Infinity, 0, -0, -0, 0]);
  });
});
