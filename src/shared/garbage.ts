/**
 * Frees what nobody refers to any more. Buffers are garbage of a kind that makes no collector hurry: tens of megabytes may lie about until
 * the next of them is allocated, for hours on a device that has nothing else to allocate.
 */
export type CollectGarbage = () => void;

/** Less than that is not worth the time that it takes. */
export const WORTH_COLLECTING_BYTES = 1024 * 1024;
