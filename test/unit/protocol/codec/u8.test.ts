import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeU8,
  encodeU8,
  parseU8Header,
  stepsOf,
  U8Ranges,
  writeU8Header,
  type U8Scales,
} from '../../../../src/protocol/codec/u8.ts';

function roundTrip(values: Float32Array, channels: number): { back: Float32Array; scales: U8Scales } {
  const ranges = new U8Ranges(channels);
  ranges.add(new Int32Array(values.buffer), 0, values.length, 0);
  const scales = ranges.scales();
  const codes = new Uint8Array(values.length);
  encodeU8(values, 0, values.length, 0, stepsOf(scales), codes, 0);
  const back = new Float32Array(values.length);
  decodeU8(codes, 0, codes.length, 0, parseU8Header(writeU8Header(scales)), back, 0);
  return { back, scales };
}

const LARGEST = 2 ** 127;
const tensor = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 40 }))
  .chain(([channels, positions]) =>
    fc.tuple(
      fc.constant(channels),
      fc.oneof(
        fc.float32Array({ minLength: channels * positions, maxLength: channels * positions, noNaN: true, min: -LARGEST, max: LARGEST }), // prettier-ignore
        fc
          .array(fc.tuple(fc.integer(), fc.integer({ min: -20, max: 20 })), {
            minLength: channels * positions,
            maxLength: channels * positions,
          })
          .map((list) => Float32Array.from(list, ([angle, power]) => Math.sin(angle) * 2 ** power)),
      ),
    ),
  );

describe('u8', () => {
  it('[COD3] is nowhere further off than half a scale, and keeps zero exactly', () => {
    fc.assert(
      fc.property(tensor, ([channels, values]) => {
        const { back, scales } = roundTrip(values, channels);
        for (const [i, value] of values.entries()) {
          const scale = scales.scale[i % channels]!;
          // Half a scale, and the rounding of the result to float32.
          const limit = scale / 2 + Math.max(Math.abs(value) * 2 ** -24, 2 ** -150);
          expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(limit);
          if (value === 0) expect(back[i]).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('[COD3] uses all 255 steps of a range, from zero where nothing is negative', () => {
    const values = Float32Array.from({ length: 256 }, (_, i) => i / 255);
    const { scales, back } = roundTrip(values, 1);
    expect(scales.zero[0]).toBe(0);
    expect(scales.scale[0]).toBeCloseTo(1 / 255, 9);
    expect(new Set(back).size).toBe(256);
    expect(roundTrip(values.map((value) => -value), 1).scales.zero[0]).toBe(255); // prettier-ignore
  });

  it('[COD3] carries channels that are constant, zero, tiny or as large as float32 goes', () => {
    for (const value of [0, 1, -7.5, 2 ** -149, -(2 ** -149), 1e-40, LARGEST, -LARGEST]) {
      const { back, scales } = roundTrip(Float32Array.of(value, value), 1);
      expect(scales.scale[0]! > 0 && scales.scale[0]! < Infinity, `${value}`).toBe(true);
      expect(Math.abs(back[0]! - value) <= scales.scale[0]! / 2, `${value} became ${back[0]}`).toBe(true);
    }
    const { back } = roundTrip(Float32Array.of(-LARGEST, LARGEST), 1);
    expect([...back].every(Number.isFinite)).toBe(true);
  });

  it.each([NaN, Infinity, -Infinity, 1.8e38])('[COD3] %s has no code', (value) => {
    expect(() => roundTrip(Float32Array.of(1, value, 2), 1)).toThrowError(
      expect.objectContaining({ code: 'CODEC_RANGE' }) as Error,
    );
  });

  it.each([0, -0, -1, NaN, Infinity])('[COD4] a scale of %s is refused', (scale) => {
    const header = writeU8Header({ scale: Float32Array.of(1, scale), zero: Uint8Array.of(0, 0) });
    expect(() => parseU8Header(header)).toThrowError(
      expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error,
    );
  });
});
