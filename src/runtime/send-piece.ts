import { formatBox, type Box } from '../graph/box.ts';
import type { Codec, WireCodec } from '../planner/codec.ts';
import {
  encodeF16Piece,
  encodeF32Piece,
  encodePixelPiece,
  encodeU8Piece,
  U8Measuring,
  type EncodedPiece,
} from '../protocol/codec/encode-piece.ts';
import type { U8Scales } from '../protocol/codec/u8.ts';
import type { PieceMeta } from '../protocol/messages.ts';
import { afterTask } from '../transport/after-task.ts';
import { unreachable } from '../shared/errors.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { FrameInput } from './frame-input.ts';
import type { TraceRecorder } from './trace/recorder.ts';

/** About a millisecond of looking at numbers. */
const MEASURED_AT_ONCE = 256 * 1024;

/**
 * A tensor's box on this device, from which pieces go to other peers. Encoding happens while a stream is sent, chunk by chunk; only
 * u8 has to see all numbers of a piece first, once for all who get the same piece, and lets other tasks in between.
 */
export class PieceEncoder {
  readonly #tensor: FrameInput;
  readonly #box: Box;
  readonly #scales = new Map<string, Promise<U8Scales>>();

  constructor(tensor: FrameInput, box: Box) {
    this.#tensor = tensor;
    this.#box = box;
  }

  /** What the plan says, except that pictures go as the bytes that they are. */
  wireCodec(planned: Codec): WireCodec {
    return this.#tensor instanceof Float32Array ? planned : 'pixels';
  }

  /** @throws CODEC_RANGE for numbers that the codec cannot carry */
  async encode(planned: Codec, region: Box): Promise<Uint8Array | EncodedPiece> {
    const tensor = this.#tensor;
    if (!(tensor instanceof Float32Array)) return encodePixelPiece(tensor, this.#box, region);
    switch (planned) {
      case 'f32':
        return encodeF32Piece(tensor, this.#box, region);
      case 'f16':
        return encodeF16Piece(tensor, this.#box, region);
      case 'u8': {
        const key = formatBox(region);
        const scales = this.#scales.get(key) ?? this.#measure(tensor, region);
        this.#scales.set(key, scales);
        return encodeU8Piece(tensor, this.#box, region, await scales);
      }
      default:
        return unreachable(planned);
    }
  }

  async #measure(values: Float32Array, region: Box): Promise<U8Scales> {
    const measuring = new U8Measuring(values, this.#box, region);
    while (!measuring.advance(MEASURED_AT_ONCE)) await new Promise<void>(afterTask);
    return measuring.scales();
  }
}

/** Encodes a piece and sends it. Rejects with what encoding or `PeerChannel.sendStream` reject with. */
export async function sendPiece(
  channel: PeerChannel,
  meta: PieceMeta,
  encode: () => Promise<Uint8Array | EncodedPiece>,
  options: { readonly signal: AbortSignal; readonly trace: TraceRecorder | undefined },
): Promise<void> {
  const { signal, trace } = options;
  const piece = trace ? await trace.encoded(meta, encode) : await encode();
  const send = (): Promise<void> => channel.sendStream(meta, piece, { priority: 'activation', signal });
  const sizeBytes = piece instanceof Uint8Array ? piece.length : piece.totalBytes;
  await (trace ? trace.sent(meta, sizeBytes, send) : send());
}
