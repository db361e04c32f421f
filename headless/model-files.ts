import { fileURLToPath } from 'node:url';
import type { OpenBytes } from '../src/import/load-model.ts';
import { fileBytes } from '../src/weights/file-source.ts';
import { httpBytes } from '../src/weights/http-source.ts';

/** Opens model files for Node programs: local paths, `file:`, `http:` and `https:` URLs. */
export const openModelFile: OpenBytes = (location) => {
  if (/^https?:\/\//i.test(location)) return httpBytes(location);
  return fileBytes(/^file:\/\//i.test(location) ? fileURLToPath(location) : location);
};
