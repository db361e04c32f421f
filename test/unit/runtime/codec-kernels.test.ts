import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { boxSize, type Box } from '../../../src/graph/box.ts';
import { decodePiece } from '../../../src/protocol/codec/decode-piece.ts';
import { encodeF16Piece, encodeU8Piece, U8Measuring } from '../../../src/protocol/codec/encode-piece.ts';
import {
  codecLoops,
  installCodecLoops,
  plainLoops,
  type CodecLoops,
} from '../../../src/protocol/codec/loops.ts';
import { stepsOf, type U8Scales } from '../../../src/protocol/codec/u8.ts';
import { installCodecKernels, startCodecKernels } from '../../../src/runtime/codec-kernels.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';

let kernels: CodecLoops;
beforeAll(async () => {
  kernels = (await startCodecKernels())!;
});

/** Without the two lists in the message, which take minutes to print. */
function expectSameBytes(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  let same = 0;
  while (same < expected.length && actual[same] === expected[same]) same++;
  expect(same, `${what}: byte ${same} differs`).toBe(expected.length);
}

/** The plain loops and the kernels, each into an array of its own that is full of something else; equal to the last byte. */
function expectSameBits<T extends Uint8Array | Uint16Array | Uint32Array | Float32Array>(
  make: () => T,
  run: (loops: CodecLoops, target: T) => void,
  what: string,
): void {
  const [expected, actual] = [plainLoops, kernels].map((loops) => {
    const target = make().fill(77) as T;
    run(loops, target);
    return new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  }) as [Uint8Array, Uint8Array];
  expectSameBytes(actual, expected, what);
}

const randomBits = (random: Random, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, () => (random.next() * 2 ** 32) >>> 0);

/** Lengths around those of vectors, of blocks of the kernels' memory, and of what is left to the plain loops. */
const LENGTHS = [0, 1, 255, 256, 257, 271, 272, 1023, 8191, 8192, 8193, 8207, 20_001];

describe('the f16 kernels', () => {
  it('[COD2] decode all 65,536 patterns to the bits of the plain loop', () => {
    const bytes = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, half) => half).buffer);
    expectSameBits(
      () => new Uint32Array(65_536),
      (loops, target) => loops.decodeF16(bytes, 0, 65_536, target, 0),
      'all patterns',
    );
  });

  it('[COD2] encode every number, the ties between numbers, and what is right beside both, to the bits of the plain loop', () => {
    const all = new Uint32Array(65_536);
    const halves = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, half) => half).buffer);
    plainLoops.decodeF16(halves, 0, 65_536, all, 0);
    const values = new Float32Array(all.buffer);
    const bits: number[] = [];
    const word = new Float32Array(1);
    for (let half = 0; half < 65_535; half++) {
      word[0] = (values[half]! + values[half + 1]!) / 2;
      const tie = new Uint32Array(word.buffer)[0]!;
      for (const near of [-1, 0, 1]) bits.push((all[half]! + near) >>> 0, (tie + near) >>> 0);
    }
    // Where float32 itself ends: subnormals, infinities, quiet and signaling NaN.
    for (const edge of [0, 1, 0x7f_ffff, 0x80_0000, 0x3300_0000, 0x387f_ffff, 0x477f_efff, 0x477f_f000, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0001, 0x7fa0_0000, 0x7fc0_0000, 0x7fff_ffff]) bits.push(edge, (edge | 0x8000_0000) >>> 0); // prettier-ignore
    const list = Uint32Array.from(bits);
    expectSameBits(
      () => new Uint16Array(list.length),
      (loops, target) => loops.encodeF16(list, 0, list.length, target, 0),
      'numbers and ties',
    );
  });

  it('[COD2] encode four million random patterns of float32 to the bits of the plain loop', () => {
    const random = seededRandom(31);
    for (let round = 0; round < 4; round++) {
      const bits = randomBits(random, 2 ** 20);
      expectSameBits(
        () => new Uint16Array(bits.length),
        (loops, target) => loops.encodeF16(bits, 0, bits.length, target, 0),
        `round ${round}`,
      );
    }
  });

  it('[COD2] take any length from anywhere, and write nothing beside it', () => {
    const random = seededRandom(32);
    for (const count of LENGTHS) {
      const from = random.integer(9);
      const at = random.integer(9);
      const bits = randomBits(random, from + count + 5);
      const bytes = new Uint8Array(bits.buffer);
      expectSameBits(
        () => new Uint16Array(at + count + 20),
        (loops, target) => loops.encodeF16(bits, from, count, target, at),
        `encode ${count}`,
      );
      // From odd addresses too, as chunks lie in messages.
      expectSameBits(
        () => new Uint32Array(at + count + 20),
        (loops, target) => loops.decodeF16(bytes, from, count, target, at),
        `decode ${count}`,
      );
    }
  });
});

describe('the u8 kernels', () => {
  const channelCounts = [...Array.from({ length: 17 }, (_, i) => i + 1), 31, 64, 100, 1001, 4096, 4097];

  it.each(channelCounts)(
    '[COD3] measure, encode and decode %i channels to the bits of the plain loops',
    (channels) => {
      const random = seededRandom(1000 + channels);
      for (const length of [...LENGTHS, 3 * channels + 1]) {
        const from = random.integer(9);
        const at = random.integer(9);
        const channel = random.integer(channels);
        const values = Float32Array.from({ length: from + length + 20 }, () => random.normal() * 2 ** (random.integer(40) - 20)); // prettier-ignore
        // After a ReLU: zeros of both signs.
        for (let i = 0; i < values.length; i += 3) values[i] = i % 2 ? 0 : -0;
        const scales = expectSameRanges(values, from, length, channel, channels);
        const steps = stepsOf(scales);
        const what = `${length} numbers from channel ${channel}`;
        expectSameBits(
          () => new Uint8Array(at + length + 20),
          (loops, target) => loops.encodeU8(values, from, length, channel, steps, target, at),
          `encode ${what}`,
        );
        const codes = Uint8Array.from({ length: from + length + 20 }, () => random.integer(256));
        expectSameBits(
          () => new Float32Array(at + length + 20),
          (loops, target) => loops.decodeU8(codes, from, length, channel, scales, target, at),
          `decode ${what}`,
        );
      }
    },
  );

  it('[COD3] use the scales of each tensor where tensors take turns', () => {
    const random = seededRandom(35);
    const tensors = [3, 64, 3].map((channels) => {
      const values = Float32Array.from({ length: 960 }, () => random.normal());
      return { values, scales: expectSameRanges(values, 0, 960, 0, channels) };
    });
    const steps = tensors.map(({ scales }) => stepsOf(scales));
    for (let round = 0; round < 2; round++) {
      for (const [index, { values, scales }] of tensors.entries()) {
        const codes = new Uint8Array(960);
        plainLoops.encodeU8(values, 0, 960, 0, steps[index]!, codes, 0);
        expectSameBits(
          () => new Uint8Array(960),
          (loops, target) => loops.encodeU8(values, 0, 960, 0, steps[index]!, target, 0),
          `encode ${index}`,
        );
        expectSameBits(
          () => new Float32Array(960),
          (loops, target) => loops.decodeU8(codes, 0, 960, 0, scales, target, 0),
          `decode ${index}`,
        );
      }
    }
  });

  it.each([NaN, -NaN, Infinity, -Infinity, 2 ** 127 * 1.5, -(2 ** 127) * 1.5])(
    '[COD3] measure %f to the bits of the plain loop, wherever it stands',
    (bad) => {
      for (const at of [0, 1, 15, 16, 8191, 8192, 9000]) {
        const values = new Float32Array(9001).fill(0.5);
        values[at] = bad;
        const measured = [plainLoops, kernels].map((loops) => measure(loops, values, 0, 9001, 0, 5));
        expect(measured[1]).toEqual(measured[0]);
      }
    },
  );

  it('[COD3] decode with scales at the ends of float32', () => {
    const scale = Float32Array.of(2 ** -149, 3.4e38, 2 ** -126, 1e-40);
    const scales = { scale, zero: Uint8Array.of(0, 128, 255, 7) };
    const codes = Uint8Array.from({ length: 1024 }, (_, i) => i >> 2);
    expectSameBits(
      () => new Float32Array(1024),
      (loops, target) => loops.decodeU8(codes, 0, 1024, 0, scales, target, 0),
      'ends of float32',
    );
  });
});

describe('pieces of tensors with the kernels', () => {
  afterEach(() => installCodecLoops(plainLoops));

  it('[COD1] are installed by programs, and there are plain loops until then', async () => {
    expect(codecLoops()).toBe(plainLoops);
    expect(await installCodecKernels()).toBe(true);
    expect(codecLoops()).not.toBe(plainLoops);
  });

  const box: Box = [[2, 12], [1, 31], [0, 48]]; // prettier-ignore
  const regions: readonly (readonly [string, Box])[] = [
    ['whole', box],
    ['rows', [[4, 9], [1, 31], [0, 48]]],
    ['columns, in short and long runs', [[2, 12], [3, 29], [0, 48]]],
    ['channels', [[2, 12], [1, 31], [5, 38]]],
    ['one position', [[3, 4], [2, 3], [0, 48]]],
  ]; // prettier-ignore

  it.each(regions)('[COD1] are the same bytes in chunks of any size: %s', (_, region) => {
    const random = seededRandom(36);
    const values = Float32Array.from({ length: boxSize(box) }, () => random.normal());
    for (const chunkBytes of [1000, 4097, 65_536]) {
      const results = [plainLoops, kernels].map((loops) => {
        installCodecLoops(loops);
        const measuring = new U8Measuring(values, box, region);
        while (!measuring.advance(5000)) continue;
        return [
          encodeF16Piece(values, box, region),
          encodeU8Piece(values, box, region, measuring.scales()),
        ].map((piece, index) => {
          const target = new Float32Array(values.length);
          const write = decodePiece(index === 0 ? 'f16' : 'u8', target, box, region);
          const bytes: number[] = [];
          for (let at = 0; at < piece.totalBytes; at += chunkBytes) {
            const chunk = piece.read(at, Math.min(piece.totalBytes, at + chunkBytes));
            bytes.push(...chunk);
            write(chunk, at);
          }
          return [...bytes, ...new Uint8Array(target.buffer)];
        });
      });
      for (const [index, codec] of ['f16', 'u8'].entries()) {
        expectSameBytes(results[1]![index]!, results[0]![index]!, `${codec} in chunks of ${chunkBytes}`);
      }
    }
  });
});

interface Ranges {
  readonly high: Int32Array;
  readonly low: Uint32Array;
}

/** In two calls, as a stream of stretches has it. */
function measure(
  loops: CodecLoops,
  values: Float32Array,
  from: number,
  count: number,
  channel: number,
  channels: number,
): Ranges {
  const bits = new Int32Array(values.buffer);
  const high = new Int32Array(channels);
  const low = new Uint32Array(channels).fill(0x8000_0000);
  const first = Math.floor(count / 3);
  loops.measureU8(bits, from, first, channel, high, low);
  loops.measureU8(bits, from + first, count - first, (channel + first) % channels, high, low);
  return { high, low };
}

/** Scales for the same numbers. */
function expectSameRanges(
  values: Float32Array,
  from: number,
  count: number,
  channel: number,
  channels: number,
): U8Scales {
  const expected = measure(plainLoops, values, from, count, channel, channels);
  expect(measure(kernels, values, from, count, channel, channels)).toEqual(expected);
  const highs = new Float32Array(expected.high.buffer);
  const lows = new Float32Array(expected.low.buffer);
  const scale = highs.map((high, c) => Math.fround((high - lows[c]!) / 253) || 1);
  return { scale, zero: Uint8Array.from(scale, (step, c) => Math.round(-lows[c]! / step)) };
}
