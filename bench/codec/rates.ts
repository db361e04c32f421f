import { boxSize, fullBox } from '../../src/graph/box.ts';
import { decodePiece } from '../../src/protocol/codec/decode-piece.ts';
import {
  encodeF16Piece,
  encodeU8Piece,
  U8Measuring,
  type EncodedPiece,
} from '../../src/protocol/codec/encode-piece.ts';
import { installCodecKernels } from '../../src/runtime/codec-kernels.ts';
import { chunkPayloadBytes } from '../../src/protocol/chunk.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { median } from '../benchmark.ts';

export interface CodecRate {
  readonly name: string;
  /** Bytes of the tensor as f32, whatever the codec makes of them. */
  readonly gbPerSecond: number;
  readonly overCopy: number;
  readonly isCopy: boolean;
}

/** Until engines have put their optimized code in the place of the first, which they compile on another thread. */
const WARM_UP_ROUNDS = 4;

const CHUNK_BYTES = chunkPayloadBytes(2 ** 16);

/**
 * Encoding and decoding of C3D's largest activation (16×112×112×64, 51 MB) after its ReLU, in the chunks in which streams are sent;
 * u8 with both of its passes; with the kernels that programs install. All take turns with a plain copy of the tensor.
 */
export async function measureRates(quick: boolean): Promise<CodecRate[]> {
  await installCodecKernels();
  const box = fullBox(quick ? [4, 112, 112, 64] : [16, 112, 112, 64]);
  const random = seededRandom(5);
  const values = Float32Array.from({ length: boxSize(box) }, () => Math.max(0, random.next() * 4 - 2));
  const target = new Float32Array(values.length);
  const u8 = (): EncodedPiece => {
    const measuring = new U8Measuring(values, box, box);
    while (!measuring.advance(256 * 1024)) continue;
    return encodeU8Piece(values, box, box, measuring.scales());
  };
  const sent = new Uint8Array(boxSize(box) * 2 + 64 * 5);
  /** What the channel does with a chunk: a copy into its message. */
  const send = (piece: EncodedPiece): void => {
    for (let at = 0; at < piece.totalBytes; at += CHUNK_BYTES) {
      sent.set(piece.read(at, Math.min(piece.totalBytes, at + CHUNK_BYTES)), at);
    }
  };
  const receive = (codec: 'f16' | 'u8', totalBytes: number): void => {
    const write = decodePiece(codec, target, box, box);
    for (let at = 0; at < totalBytes; at += CHUNK_BYTES) {
      write(sent.subarray(at, Math.min(totalBytes, at + CHUNK_BYTES)), at);
    }
  };
  const f16Bytes = values.length * 2;
  const u8Bytes = values.length + 64 * 5;
  // In this order, so that what is decoded is what the same codec encoded.
  const work: readonly (readonly [string, () => void])[] = [
    ['plain copy', () => target.set(values)],
    ['f16 encode', () => send(encodeF16Piece(values, box, box))],
    ['f16 decode', () => receive('f16', f16Bytes)],
    ['u8 encode', () => send(u8())],
    ['u8 decode', () => receive('u8', u8Bytes)],
  ];
  const timesMs = work.map((): number[] => []);
  const rounds = quick ? 3 : 9;
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [index, [, run]] of work.entries()) {
      const startMs = performance.now();
      run();
      if (round >= 0) timesMs[index]!.push(performance.now() - startMs);
    }
  }
  const rates = timesMs.map((list) => values.byteLength / 1e6 / median(list));
  return work.map(([name], index) => ({
    name,
    gbPerSecond: rates[index]!,
    overCopy: rates[index]! / rates[0]!,
    isCopy: index === 0,
  }));
}
