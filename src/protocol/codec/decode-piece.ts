import type { Box } from '../../graph/box.ts';
import { mapPixels } from '../../graph/pixels.ts';
import { RegionRuns } from '../../graph/region-runs.ts';
import { codecHeaderBytes, type WireCodec } from '../../planner/codec.ts';
import { unreachable } from '../../shared/errors.ts';
import { copyBytes } from './encode-piece.ts';
import { codecLoops } from './loops.ts';
import { f32ToBytes } from '../codec.ts';
import { parsePixelHeader } from './pixels.ts';
import { parseU8Header } from './u8.ts';

/** Takes the stream from `offset` on, in order, in chunks of any size. Throws `PROTOCOL_MALFORMED` for numbers that make no sense. */
export type WritePiece = (bytes: Uint8Array, offset: number) => void;

/** Where the bytes of a piece become numbers: `region` of `target`, which holds `box`, chunk by chunk as they come. */
export function decodePiece(codec: WireCodec, target: Float32Array, box: Box, region: Box): WritePiece {
  switch (codec) {
    case 'f32':
      return decodeF32Piece(target, box, region);
    case 'f16':
      return decodeF16Piece(target, box, region);
    case 'u8':
      return decodeHeaded(codec, box, region, (header) => {
        const scales = parseU8Header(header);
        const channels = scales.scale.length;
        return (bytes, from, count, piece, at) =>
          codecLoops().decodeU8(bytes, from, count, piece % channels, scales, target, at);
      });
    case 'pixels':
      return decodeHeaded(codec, box, region, (header) => {
        const map = parsePixelHeader(header);
        const channels = map.scale.length;
        return (bytes, from, count, piece, at) =>
          mapPixels(bytes, from, count, piece % channels, map, target, at);
      });
    default:
      return unreachable(codec);
  }
}

function decodeF32Piece(target: Float32Array, box: Box, region: Box): WritePiece {
  const all = f32ToBytes(target);
  const runs = new RegionRuns(box, region, 4);
  return (bytes, offset) => {
    runs.visit(offset, offset + bytes.length, (at, piece, count) =>
      copyBytes(bytes, piece - offset, all, at, count),
    );
  };
}

function decodeF16Piece(target: Float32Array, box: Box, region: Box): WritePiece {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const runs = new RegionRuns(box, region);
  const split = new Uint8Array(2);
  const put = (bytes: Uint8Array, from: number, first: number, count: number): void => {
    runs.visit(first, first + count, (at, piece, length) =>
      codecLoops().decodeF16(bytes, from + (piece - first) * 2, length, bits, at),
    );
  };
  return (bytes, offset) => {
    const begun = offset & 1;
    if (begun === 1 && bytes.length > 0) {
      split[1] = bytes[0]!;
      put(split, 0, offset >> 1, 1);
    }
    const count = Math.max(0, bytes.length - begun) >> 1;
    put(bytes, begun, (offset + begun) >> 1, count);
    if (begun + count * 2 < bytes.length) split[0] = bytes[bytes.length - 1]!;
  };
}

/** One byte per number, as the header says: `piece` is the position of the first in the piece, `at` in the target. */
type DecodeBytes = (bytes: Uint8Array, from: number, count: number, piece: number, at: number) => void;

function decodeHeaded(
  codec: 'u8' | 'pixels',
  box: Box,
  region: Box,
  decoder: (header: Uint8Array) => DecodeBytes,
): WritePiece {
  const header = new Uint8Array(codecHeaderBytes(codec, region));
  const runs = new RegionRuns(box, region);
  let decode: DecodeBytes | undefined;
  return (bytes, offset) => {
    const missing = Math.max(0, header.length - offset);
    if (missing > 0) header.set(bytes.subarray(0, missing), offset);
    if (missing > bytes.length) return;
    const codes = (decode ??= decoder(header));
    const first = offset + missing - header.length;
    runs.visit(first, first + bytes.length - missing, (at, piece, count) =>
      codes(bytes, missing + piece - first, count, piece, at),
    );
  };
}
