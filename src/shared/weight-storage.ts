/**
 * How an engine holds weights.
 * - `once`: one copy, equal slices of several tiles once; the buffers that they came in are garbage when the tile is loaded.
 * - `packed`: raw and packed, for every tile anew: GPUs, and kernels that are not ours.
 */
export const WEIGHT_STORAGES = ['once', 'packed'] as const;
export type WeightStorage = (typeof WEIGHT_STORAGES)[number];
