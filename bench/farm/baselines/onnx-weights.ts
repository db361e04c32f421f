/**
 * A convolution's kernel from our order `[...window, inChannels, outChannels]` to that of ONNX,
 * `[outChannels, inChannels, ...window]`.
 */
export function convKernel(
  values: Float32Array,
  windowSize: number,
  inChannels: number,
  outChannels: number,
): Float32Array {
  const result = new Float32Array(values.length);
  let from = 0;
  for (let place = 0; place < windowSize; place++) {
    for (let input = 0; input < inChannels; input++) {
      for (let output = 0; output < outChannels; output++) {
        result[(output * inChannels + input) * windowSize + place] = values[from++]!;
      }
    }
  }
  return result;
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
