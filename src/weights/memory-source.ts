import { checkBox, formatShape, fullBox, shapeSize, type Shape } from '../graph/box.ts';
import { cropRegion } from '../graph/region-copy.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { missing } from './stored-source.ts';
import type { WeightSource } from './weight-source.ts';

export interface MemoryTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Tensors that are in memory already. Throws `WEIGHTS_CORRUPT` where data and shape differ in size. */
export function memorySource(tensors: Iterable<MemoryTensor>): WeightSource {
  const byName = new Map<string, MemoryTensor>();
  for (const tensor of tensors) {
    if (tensor.data.length !== shapeSize(tensor.shape)) {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `weight tensor '${tensor.name}' has ${tensor.data.length} elements, its shape ${formatShape(tensor.shape)} needs ${shapeSize(tensor.shape)}`,
      );
    }
    byName.set(tensor.name, tensor);
  }
  return {
    tensors: byName,
    read: async (name, box, signal) => {
      signal?.throwIfAborted();
      const tensor = byName.get(name) ?? missing(name, byName);
      checkBox(box, tensor.shape, `weight tensor '${name}'`);
      return cropRegion(tensor.data, fullBox(tensor.shape), box);
    },
  };
}
