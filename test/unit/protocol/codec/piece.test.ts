import { describe, expect, it } from 'vitest';
import { boxShape, boxSize, type Box } from '../../../../src/graph/box.ts';
import { mapPixels, pixelsToF32, type PixelInput } from '../../../../src/graph/pixels.ts';
import { cropRegion } from '../../../../src/graph/region-copy.ts';
import { encodedBytes, scaleCount, WIRE_CODECS, type WireCodec } from '../../../../src/planner/codec.ts';
import { decodePiece } from '../../../../src/protocol/codec/decode-piece.ts';
import {
  encodeF16Piece,
  encodeF32Piece,
  encodePixelPiece,
  encodeU8Piece,
  U8Measuring,
  type EncodedPiece,
} from '../../../../src/protocol/codec/encode-piece.ts';
import { f32ToBytes } from '../../../../src/protocol/codec.ts';
import { seededRandom, type Random } from '../../../../src/shared/random.ts';
import { randomBox } from '../../../support/random-ops.ts';

const WHOLE: Box = [
  [0, 7],
  [0, 6],
  [0, 5],
];

const inside = (random: Random, box: Box): Box =>
  randomBox(random, boxShape(box), 0).map(
    ([start, end], axis) => [start + box[axis]![0], end + box[axis]![0]] as const,
  );

function encode(
  codec: WireCodec,
  values: Float32Array,
  pixels: PixelInput,
  box: Box,
  region: Box,
): EncodedPiece {
  switch (codec) {
    case 'f32': {
      const piece = encodeF32Piece(values, box, region);
      if (!(piece instanceof Uint8Array)) return piece;
      return { totalBytes: piece.length, read: (start, end) => piece.subarray(start, end) };
    }
    case 'f16':
      return encodeF16Piece(values, box, region);
    case 'pixels':
      return encodePixelPiece(pixels, box, region);
    case 'u8': {
      const measuring = new U8Measuring(values, box, region);
      while (!measuring.advance(7)) continue;
      return encodeU8Piece(values, box, region, measuring.scales());
    }
  }
}

describe('pieces of tensors', () => {
  it.each(WIRE_CODECS)(
    '[COD1] any region travels from any box into any box in chunks of any size, as %s',
    (codec) => {
      const random = seededRandom(9);
      for (let round = 0; round < 600; round++) {
        const sourceBox = randomBox(random, boxShape(WHOLE), 0);
        const region = inside(random, sourceBox);
        // The target holds the region and some more.
        const targetBox = region.map(([start, end], axis) => [
          random.integer(start + 1),
          end + random.integer(WHOLE[axis]![1] - end + 1),
        ]) as unknown as Box;
        const values = Float32Array.from({ length: boxSize(sourceBox) }, () => random.next() * 8 - 3);
        const channels = boxShape(sourceBox).at(-1)!;
        const pixels: PixelInput = {
          pixels: Uint8Array.from(values, () => random.integer(256)),
          scale: Array.from({ length: channels }, () => random.next()),
          offset: Array.from({ length: channels }, () => random.next() - 0.5),
        };
        const piece = encode(codec, values, pixels, sourceBox, region);
        expect(piece.totalBytes, `round ${round}`).toBe(encodedBytes(codec, region));
        const target = new Float32Array(boxSize(targetBox)).fill(-99);
        const write = decodePiece(codec, target, targetBox, region);
        for (let at = 0; at < piece.totalBytes;) {
          const end = Math.min(piece.totalBytes, at + 1 + random.integer(40));
          write(piece.read(at, end).slice(), at);
          at = end;
        }
        const exact = cropRegion(codec === 'pixels' ? pixelsToF32(pixels) : values, sourceBox, region);
        const got = cropRegion(target, targetBox, region);
        const limit = codec === 'f16' ? 2 ** -9 : codec === 'u8' ? 8 / 255 : 0;
        for (const [i, value] of exact.entries()) {
          expect(Math.abs(got[i]! - value), `round ${round}, ${i}`).toBeLessThanOrEqual(limit);
        }
        const untouched = target.filter((value) => value === -99).length;
        expect(untouched, `round ${round}: nothing beside the region`).toBe(target.length - boxSize(region));
      }
    },
  );

  it('[COD1] reads again from anywhere: what a stream sends twice is the same', () => {
    const random = seededRandom(4);
    const values = Float32Array.from({ length: boxSize(WHOLE) }, () => random.next());
    const pixels: PixelInput = {
      pixels: Uint8Array.from(values, (value) => value * 255),
      scale: [1, 2, 3, 4, 5],
      offset: [0, 0, 0, 0, 1],
    };
    const region: Box = [
      [1, 6],
      [2, 5],
      [1, 4],
    ];
    for (const codec of WIRE_CODECS) {
      const piece = encode(codec, values, pixels, WHOLE, region);
      const all = piece.read(0, piece.totalBytes).slice();
      for (let round = 0; round < 50; round++) {
        const start = random.integer(piece.totalBytes);
        const end = start + random.integer(piece.totalBytes - start + 1);
        expect([...piece.read(start, end)], `${codec} ${start}:${end}`).toEqual([
          ...all.subarray(start, end),
        ]);
      }
    }
  });

  it('[COD1] a band of a tensor is sent as it lies in memory, without a copy', () => {
    const values = new Float32Array(boxSize(WHOLE));
    const band: Box = [[2, 4], WHOLE[1]!, WHOLE[2]!];
    const piece = encodeF32Piece(values, WHOLE, band);
    expect(piece).toBeInstanceOf(Uint8Array);
    expect((piece as Uint8Array).buffer).toBe(values.buffer);
    expect((piece as Uint8Array).byteOffset).toBe(2 * 6 * 5 * 4);
    expect([...f32ToBytes(values)].length).toBe(840);
  });

  it('[COD3] a region of one position has one scale: a scale for each number would take more room', () => {
    const row: Box = [[0, 1000]];
    expect(scaleCount(row)).toBe(1);
    expect(encodedBytes('u8', row)).toBe(1005);
    expect(scaleCount([[0, 2], [0, 4]])).toBe(4); // prettier-ignore
    expect(encodedBytes('u8', [])).toBe(6);
    for (const [h, c] of [
      [1, 1],
      [1, 7],
      [2, 7],
      [9, 1],
    ] as const) {
      const box: Box = [[0, h], [0, 1], [0, c]]; // prettier-ignore
      expect(encodedBytes('u8', box), `${h}×${c}`).toBeLessThanOrEqual(4 * h * c + 5);
    }
  });
});

describe('pixels', () => {
  it('[COD5] every byte under every channel gives the bits that the sender would compute', () => {
    const random = seededRandom(8);
    const channels = 3;
    const input: PixelInput = {
      pixels: Uint8Array.from({ length: 256 * channels }, (_, i) => Math.floor(i / channels)),
      scale: Array.from({ length: channels }, () => random.next() / 100),
      offset: Array.from({ length: channels }, () => random.next() * -2),
    };
    const box: Box = [
      [0, 256],
      [0, channels],
    ];
    const here = pixelsToF32(input);
    const there = new Float32Array(here.length);
    const piece = encodePixelPiece(input, box, box);
    decodePiece('pixels', there, box, box)(piece.read(0, piece.totalBytes), 0);
    expect(Buffer.compare(f32ToBytes(there), f32ToBytes(here))).toBe(0);
    const one = new Float32Array(1);
    mapPixels(Uint8Array.of(200), 0, 1, 2, input, one, 0);
    expect(one[0]).toBe(Math.fround(200 * input.scale[2]! + input.offset[2]!));
  });

  it.each([NaN, Infinity])('[COD4] a scale of %s is refused', (scale) => {
    const box: Box = [[0, 1], [0, 1]]; // prettier-ignore
    const input = { pixels: Uint8Array.of(1), scale: [scale], offset: [0] };
    const piece = encodePixelPiece(input, box, box);
    const write = decodePiece('pixels', new Float32Array(1), box, box);
    expect(() => write(piece.read(0, piece.totalBytes), 0)).toThrowError(
      expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error,
    );
  });
});
