import type { MemoryTensor } from '../../src/weights/memory-source.ts';

type Plane = readonly [channels: number, height: number, width: number];

/** `[c, h, w]` by `[out, in, k, k]`, zero padding, bias. */
function conv(
  data: Float32Array,
  [channels, height, width]: Plane,
  kernel: MemoryTensor,
  bias: MemoryTensor,
  stride: number,
  padding: number,
): [Float32Array, Plane] {
  const [out, inner, size] = kernel.shape as [number, number, number];
  const h = Math.floor((height + 2 * padding - size) / stride) + 1;
  const w = Math.floor((width + 2 * padding - size) / stride) + 1;
  const result = new Float32Array(out * h * w);
  for (let o = 0; o < out; o++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        let sum = bias.data[o]!;
        for (let c = 0; c < channels; c++) {
          for (let i = 0; i < size; i++) {
            const row = y * stride - padding + i;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < size; j++) {
              const column = x * stride - padding + j;
              if (column < 0 || column >= width) continue;
              sum +=
                data[(c * height + row) * width + column]! *
                kernel.data[((o * inner + c) * size + i) * size + j]!;
            }
          }
        }
        result[(o * h + y) * w + x] = Math.max(0, sum);
      }
    }
  }
  return [result, [out, h, w]];
}

function maxPool(data: Float32Array, [channels, height, width]: Plane): [Float32Array, Plane] {
  const h = Math.floor((height - 3) / 2) + 1;
  const w = Math.floor((width - 3) / 2) + 1;
  const result = new Float32Array(channels * h * w);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        let most = -Infinity;
        for (let i = 0; i < 9; i++) {
          const row = 2 * y + Math.floor(i / 3);
          most = Math.max(most, data[(c * height + row) * width + 2 * x + (i % 3)]!);
        }
        result[(c * h + y) * w + x] = most;
      }
    }
  }
  return [result, [channels, h, w]];
}

function linear(data: Float32Array, weight: MemoryTensor, bias: MemoryTensor): Float32Array {
  const [out, inner] = weight.shape as [number, number];
  return Float32Array.from({ length: out }, (_, o) => {
    let sum = bias.data[o]!;
    for (let i = 0; i < inner; i++) sum += data[i]! * weight.data[o * inner + i]!;
    return sum;
  });
}

/**
 * AlexNet as torchvision computes it, in plain loops over channels-first data, with a softmax behind: an oracle that shares nothing with
 * graphs and builders. `image`: `[3, h, w]`; weights by torchvision's names.
 */
export function alexnetOfTorch(
  image: Float32Array,
  shape: Plane,
  weights: ReadonlyMap<string, MemoryTensor>,
): Float32Array {
  const get = (name: string): MemoryTensor => weights.get(name)!;
  let data = image;
  let plane = shape;
  for (const [index, stride, padding, pooled] of [
    [0, 4, 2, true],
    [3, 1, 2, true],
    [6, 1, 1, false],
    [8, 1, 1, false],
    [10, 1, 1, true],
  ] as const) {
    const layer = `features.${index}`;
    [data, plane] = conv(data, plane, get(`${layer}.weight`), get(`${layer}.bias`), stride, padding);
    if (pooled) [data, plane] = maxPool(data, plane);
  }
  for (const index of [1, 4, 6]) {
    data = linear(data, get(`classifier.${index}.weight`), get(`classifier.${index}.bias`));
    if (index !== 6) data = data.map((value) => Math.max(0, value));
  }
  const most = Math.max(...data);
  const powers = data.map((value) => Math.exp(value - most));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
