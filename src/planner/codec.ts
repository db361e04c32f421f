import { boxShape, boxSize, type Box } from '../graph/box.ts';

/** How tensors travel between peers. `f32` is exact; a plan that says nothing takes it. */
export const CODECS = ['f32', 'f16', 'u8'] as const;
export type Codec = (typeof CODECS)[number];

/** `pixels`: an input of the network that is an 8-bit picture, with the map that makes numbers of its bytes; exact. */
export const WIRE_CODECS = [...CODECS, 'pixels'] as const;
export type WireCodec = (typeof WIRE_CODECS)[number];

export const isLossy = (codec: Codec): boolean => codec !== 'f32';

/**
 * How many scales a region has on the wire: one per channel (its last axis), and a single one in a region of one position,
 * where a scale for every number would take more room than the numbers.
 */
export function scaleCount(region: Box): number {
  const channels = channelCount(region);
  return boxSize(region) > channels ? channels : 1;
}

export const channelCount = (region: Box): number => Math.max(1, boxShape(region).at(-1) ?? 1);

/** Bytes ahead of the numbers: u8: a scale (f32) and a zero point (u8) for each; pixels: scale and offset (f64) per channel. */
export function codecHeaderBytes(codec: WireCodec, region: Box): number {
  if (codec === 'u8') return scaleCount(region) * 5;
  return codec === 'pixels' ? channelCount(region) * 16 : 0;
}

const ELEMENT_BYTES: Readonly<Record<WireCodec, number>> = { f32: 4, f16: 2, u8: 1, pixels: 1 };

/** Bytes of a stream that carries `region` of a tensor. */
export const encodedBytes = (codec: WireCodec, region: Box): number =>
  codecHeaderBytes(codec, region) + boxSize(region) * ELEMENT_BYTES[codec];
