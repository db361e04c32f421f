/** How a convolution's kernel `[...taps, ...places, inChannels, outChannels]` is made up; taps are places over time. */
export interface KernelOrder {
  readonly taps: number;
  readonly places: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/**
 * A convolution's kernel from our order to that of ONNX, `[outChannels, taps, inChannels, ...places]`: with one tap
 * `[outChannels, inChannels, ...window]`, with several that of a convolution over frames laid side by side in the channels.
 */
export function convKernel(values: Float32Array, order: KernelOrder): Float32Array {
  const result = new Float32Array(values.length);
  visit(order, (ours, theirs) => (result[theirs] = values[ours]!));
  return result;
}

/** The inverse of `convKernel`. */
export function kernelAsItCame(kept: Float32Array, order: KernelOrder): Float32Array {
  const result = new Float32Array(kept.length);
  visit(order, (ours, theirs) => (result[ours] = kept[theirs]!));
  return result;
}

function visit(
  { taps, places, inChannels, outChannels }: KernelOrder,
  pair: (ours: number, theirs: number) => void,
): void {
  const rows = taps * inChannels * places;
  let ours = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (let place = 0; place < places; place++) {
      for (let input = 0; input < inChannels; input++) {
        let theirs = (tap * inChannels + input) * places + place;
        for (let output = 0; output < outChannels; output++) {
          pair(ours++, theirs);
          theirs += rows;
        }
      }
    }
  }
}

/**
 * A dense layer's kernel over a flattened `[...spatial, channels]`, as the rows that a flattened `[channels, ...spatial]`
 * needs, `places` of them per channel; columns stay.
 */
export function denseKernel(
  values: Float32Array,
  places: number,
  channels: number,
  units: number,
): Float32Array {
  if (places === 1 || channels === 1) return values;
  const result = new Float32Array(values.length);
  for (let place = 0; place < places; place++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (place * channels + channel) * units;
      result.set(values.subarray(from, from + units), (channel * places + place) * units);
    }
  }
  return result;
}
