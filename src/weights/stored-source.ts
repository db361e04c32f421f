import { shapeSize, formatShape, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { readStoredBox, type StoredTensor } from './box-reader.ts';
import type { WeightSource } from './weight-source.ts';

/** Serves tensors that lie in files, whatever the files' format. */
export function storedSource(tensors: Iterable<StoredTensor>): WeightSource {
  const byName = new Map<string, StoredTensor>();
  for (const tensor of tensors) byName.set(tensor.name, tensor);
  return {
    tensors: byName,
    read: async (name, box, signal) => readStoredBox(byName.get(name) ?? missing(name, byName), box, signal),
  };
}

/** The same elements under another name and in another shape (`[n, units]` as `[h, w, c, units]`). */
export function viewed(tensor: StoredTensor, name: string, shape: Shape): StoredTensor {
  const same = shape.length === tensor.shape.length && shape.every((extent, i) => extent === tensor.shape[i]);
  if (same) return { ...tensor, name };
  if (shapeSize(shape) !== shapeSize(tensor.shape) || tensor.storageOrder) {
    throw new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `weight tensor '${tensor.name}' of shape ${formatShape(tensor.shape)} cannot be read as ${formatShape(shape)}`,
    );
  }
  return { ...tensor, name, shape };
}

/** Throws `WEIGHTS_MISSING`, with the nearest thing to help that there is: what exists. */
export function missing(name: string, tensors: ReadonlyMap<string, unknown>): never {
  const known = [...tensors.keys()];
  const some = known.slice(0, 5).map((known) => `'${known}'`);
  throw new PeerceptronError(
    'WEIGHTS_MISSING',
    `there is no weight tensor '${name}'; ${
      known.length === 0
        ? 'the source has no tensors at all'
        : `the source has ${some.join(', ')}${known.length > 5 ? ` and ${known.length - 5} more` : ''}`
    }: check that the weights belong to this model`,
    { details: { tensor: name } },
  );
}
