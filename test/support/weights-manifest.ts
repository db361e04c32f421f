import type { MemoryTensor } from '../../src/weights/memory-source.ts';

export interface ManifestOptions {
  /** Tensors per group. */
  readonly groupSize: number;
  readonly shardBytes: number;
  readonly quantized?: 'uint8' | 'uint16' | 'float16';
}

/** Weights as TensorFlow.js lays them out: the manifest, and the shards by path. */
export function manifestOf(
  tensors: readonly MemoryTensor[],
  { groupSize, shardBytes, quantized }: ManifestOptions,
): { manifest: unknown; files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const groups: unknown[] = [];
  for (let start = 0; start < tensors.length; start += groupSize) {
    const members = tensors.slice(start, start + groupSize).map((tensor) => stored(tensor, quantized));
    const bytes = Buffer.concat(members.map((member) => member.bytes));
    const paths: string[] = [];
    for (let offset = 0; offset < bytes.length; offset += shardBytes) {
      const path = `group${groups.length + 1}-shard${paths.length + 1}`;
      // A copy, so that what lies before and after in memory is not the neighbouring shard.
      files.set(path, Uint8Array.from(bytes.subarray(offset, Math.min(bytes.length, offset + shardBytes))));
      paths.push(path);
    }
    groups.push({ paths, weights: members.map((member) => member.entry) });
  }
  return { manifest: groups, files };
}

function stored({ name, shape, data }: MemoryTensor, quantized: ManifestOptions['quantized']) {
  const entry = { name, shape, dtype: 'float32' };
  if (!quantized) return { entry, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  if (quantized === 'float16') {
    const bytes = new Uint8Array(data.length * 2);
    const view = new DataView(bytes.buffer);
    data.forEach((value, index) => view.setUint16(index * 2, toHalf(value), true));
    return { entry: { ...entry, quantization: { dtype: quantized } }, bytes };
  }
  const min = data.reduce((least, value) => Math.min(least, value), Infinity);
  const max = data.reduce((most, value) => Math.max(most, value), -Infinity);
  const scale = (max - min) / (quantized === 'uint8' ? 255 : 65535);
  const integers = Array.from(data, (value) => Math.round((value - min) / scale));
  const array = quantized === 'uint8' ? Uint8Array.from(integers) : Uint16Array.from(integers);
  return {
    entry: { ...entry, quantization: { dtype: quantized, scale, min } },
    bytes: new Uint8Array(array.buffer),
  };
}

/** Half precision, rounded towards zero; for numbers of ordinary size. */
function toHalf(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 ? 0x8000 : 0;
  if (magnitude < 2 ** -14) return sign | Math.floor(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  return sign | ((exponent + 15) << 10) | Math.floor((magnitude / 2 ** exponent - 1) * 1024);
}
