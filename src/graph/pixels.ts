/** From the bytes of a picture to a network's numbers, per channel (last axis): `value · scale + offset`. */
export interface PixelMap {
  readonly scale: readonly number[];
  readonly offset: readonly number[];
}

/** An input `[…, c]` as 8-bit values in the order of its axes, and the map that makes numbers of them. */
export interface PixelInput extends PixelMap {
  readonly pixels: Uint8Array;
}

/**
 * Numbers `[at, at + count)` of `target` from as many bytes, the first of them of channel `channel`. Computed in double precision and
 * rounded once, so that every device that does this gets the same bits.
 */
export function mapPixels(
  bytes: Uint8Array,
  from: number,
  count: number,
  channel: number,
  { scale, offset }: PixelMap,
  target: Float32Array,
  at: number,
): void {
  const channels = scale.length;
  let c = channel;
  for (let i = 0; i < count; i++) {
    target[at + i] = bytes[from + i]! * scale[c]! + offset[c]!;
    if (++c === channels) c = 0;
  }
}

/** A whole input as the network takes it. */
export function pixelsToF32(input: PixelInput): Float32Array {
  const values = new Float32Array(input.pixels.length);
  mapPixels(input.pixels, 0, values.length, 0, input, values, 0);
  return values;
}
