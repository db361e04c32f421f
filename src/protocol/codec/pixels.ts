import type { PixelMap } from '../../graph/pixels.ts';
import { PeerceptronError } from '../../shared/errors.ts';

/** All scales, then all offsets: float64, little-endian, because the numbers must come out with the same bits. */
export function writePixelHeader({ scale, offset }: PixelMap): Uint8Array {
  const view = new DataView(new ArrayBuffer(scale.length * 16));
  for (const [index, value] of [...scale, ...offset].entries()) view.setFloat64(index * 8, value, true);
  return new Uint8Array(view.buffer);
}

/** @throws PROTOCOL_MALFORMED for a number that is not finite */
export function parsePixelHeader(header: Uint8Array): PixelMap {
  const channels = header.length / 16;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const read = (first: number): number[] =>
    Array.from({ length: channels }, (_, channel) => view.getFloat64((first + channel) * 8, true));
  const map = { scale: read(0), offset: read(channels) };
  if (![...map.scale, ...map.offset].every(Number.isFinite)) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'scale and offset of pixels must be finite numbers');
  }
  return map;
}
