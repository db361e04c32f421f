import type { StoredTensor } from './box-reader.ts';

/** What a Keras .h5 file holds, opened; nothing but its directory has been read. */
export interface H5File {
  /**
   * The numeric data sets, by their path below `model_weights` (or below the root, in files of weights alone):
   * `block1_conv1/block1_conv1/kernel:0`.
   */
  readonly tensors: readonly StoredTensor[];
  /** The attribute `model_config`: JSON of the layers, in files of whole models. */
  readonly modelConfig?: string;
}

/**
 * Opens an .h5 file at a path. The library that reads the format is large, so programs hand it in where they want it.
 * @throws WEIGHTS_UNAVAILABLE, WEIGHTS_CORRUPT (not an .h5 file)
 */
export type OpenH5 = (location: string) => Promise<H5File>;

/** Whether a location looks like one by its name. */
export const isH5Location = (location: string): boolean =>
  /\.(h5|hdf5|he5)$/i.test(location.split(/[?#]/)[0]!);
