import type { Box, Shape } from '../graph/box.ts';

export interface WeightTensor {
  readonly name: string;
  readonly shape: Shape;
  /** Where the tensor lies in a file in another order than `shape`'s: its axes from the slowest to the fastest. */
  readonly storageOrder?: readonly number[];
}

/** Where weights come from: a file, a server, a peer, a seed. Always float32 when read. */
export interface WeightSource {
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /**
   * Reads `box` of the tensor `name`, row-major. Only about the bytes of the box are read, never the whole file to
   * keep a slice.
   * @throws WEIGHTS_MISSING (no such tensor), WEIGHTS_CORRUPT, WEIGHTS_UNAVAILABLE (source out of reach).
   */
  read(name: string, box: Box, signal?: AbortSignal): Promise<Float32Array>;
}
