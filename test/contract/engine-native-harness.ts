import { fileURLToPath } from 'node:url';
import { requireNativePackage } from '../../src/engine/native-library.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';

/** Where this checkout has the package. */
export const nativeFolders = [fileURLToPath(new URL('../..', import.meta.url))];

/** Why there is no native engine here; undefined where there is one. */
export const missingNative = ((): string | undefined => {
  try {
    requireNativePackage(nativeFolders);
    return undefined;
  } catch (thrown) {
    return toPeerceptronError(thrown).message;
  }
})();
