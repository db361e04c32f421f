import { PeerceptronError, unreachable } from '../shared/errors.ts';

/** How an element lies in a file, little-endian. */
export const ELEMENT_SIZE_BYTES = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
} as const;

export type ElementType = keyof typeof ELEMENT_SIZE_BYTES;

/** Stored integer `q` stands for `q · scale + min`; with `round`, for the nearest integer to that. */
export interface Quantization {
  readonly scale: number;
  readonly min: number;
  readonly round: boolean;
}

/**
 * Decodes `count` elements, the first at `bytes[offsetBytes]`, into `target` from `targetIndex` on. Integers beyond
 * 2²⁴ lose precision as float32 does.
 */
export function decodeElements(
  type: ElementType,
  bytes: Uint8Array,
  offsetBytes: number,
  count: number,
  target: Float32Array,
  targetIndex: number,
  quantization?: Quantization,
): void {
  if (type === 'float32' && !quantization) {
    // Bytes to bytes: neither side has to be aligned.
    new Uint8Array(target.buffer, target.byteOffset + targetIndex * 4, count * 4).set(
      bytes.subarray(offsetBytes, offsetBytes + count * 4),
    );
    return;
  }
  const at = elementReader(type, bytes, offsetBytes);
  if (!quantization) {
    for (let i = 0; i < count; i++) target[targetIndex + i] = at(i);
    return;
  }
  const { scale, min, round } = quantization;
  for (let i = 0; i < count; i++) {
    const value = at(i) * scale + min;
    target[targetIndex + i] = round ? Math.round(value) : value;
  }
}

function elementReader(type: ElementType, bytes: Uint8Array, offsetBytes: number): (index: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offsetBytes);
  switch (type) {
    case 'float64':
      return (i) => view.getFloat64(i * 8, true);
    case 'float32':
      return (i) => view.getFloat32(i * 4, true);
    case 'float16':
      return (i) => HALF[view.getUint16(i * 2, true)]!;
    case 'bfloat16': {
      const word = new DataView(new ArrayBuffer(4));
      return (i) => {
        word.setUint16(0, view.getUint16(i * 2, true));
        return word.getFloat32(0);
      };
    }
    case 'int64':
      return (i) => Number(view.getBigInt64(i * 8, true));
    case 'int32':
      return (i) => view.getInt32(i * 4, true);
    case 'int16':
      return (i) => view.getInt16(i * 2, true);
    case 'uint16':
      return (i) => view.getUint16(i * 2, true);
    case 'int8':
      return (i) => view.getInt8(i);
    case 'uint8':
      return (i) => view.getUint8(i);
    case 'bool':
      return (i) => (view.getUint8(i) === 0 ? 0 : 1);
    default:
      return unreachable(type);
  }
}

/** Every half-precision number: 256 KiB, and a look-up instead of arithmetic per element. */
const HALF: Float32Array = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

export function elementType(name: string, known: Readonly<Record<string, ElementType>>): ElementType {
  const type = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!type) {
    throw new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `element type '${name}' is not known; known are ${Object.keys(known).join(', ')}`,
    );
  }
  return type;
}
