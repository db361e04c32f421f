import { PeerceptronError } from '../shared/errors.ts';
import { isLittleEndian } from './frame.ts';

export const F32_BYTES = 4;

/**
 * The wire is little-endian, and tensors go onto it as they lie in memory. Every browser and every Node platform is
 * little-endian too; one that is not must not join, because its numbers would be silently wrong.
 * @throws INTERNAL
 */
export function requireLittleEndian(littleEndian: boolean = isLittleEndian): void {
  if (!littleEndian) {
    throw new PeerceptronError(
      'INTERNAL',
      'this platform is big-endian, which the wire format does not support',
    );
  }
}

/** The bytes of `values` without a copy: writing to one writes to the other. */
export function f32ToBytes(values: Float32Array): Uint8Array {
  requireLittleEndian();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * The numbers in `bytes`: a view where the bytes are aligned to four, a copy where they are not.
 * @throws PROTOCOL_MALFORMED when the length is no multiple of four.
 */
export function bytesToF32(bytes: Uint8Array): Float32Array {
  requireLittleEndian();
  if (bytes.length % F32_BYTES !== 0) {
    throw new PeerceptronError(
      'PROTOCOL_MALFORMED',
      `${bytes.length} bytes are no whole number of f32 values`,
    );
  }
  const aligned = bytes.byteOffset % F32_BYTES === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / F32_BYTES);
}
