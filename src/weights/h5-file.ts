import { fileBytes } from './file-source.ts';
import type { OpenH5 } from './h5.ts';
import { readH5, SIGNATURE_LIMIT_BYTES } from './h5-tensors.ts';

/** Opens a local .h5 file with h5wasm, the HDF5 library as wasm, which is loaded now. */
export const openH5File: OpenH5 = async (path) => {
  const start = await fileBytes(path).read(0, SIGNATURE_LIMIT_BYTES);
  return readH5(path, start, path, () => import('h5wasm/node'));
};
