/**
 * For processes that share a machine, or have a small one: one helper thread instead of four, and a young generation of 1 MB instead of 16,
 * for tensors are not in it.
 */
export const LEAN_NODE = ['--max-semi-space-size=1', '--v8-pool-size=1'];
/**
 * Tensors and blocks of weights that were freed go back to the system, instead of staying in glibc's heaps (15 MB of a peer that has had several
 * models); other systems take no notice. Chunks of 64 KB stay in the heaps: they are used again all the time.
 */
export const LEAN_MALLOC = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
