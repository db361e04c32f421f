import { accessSync, constants } from 'node:fs';
import { findChromium as findOnSystem } from '../../scripts/setup/chromium.mjs';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';

/**
 * Path of the browser that a kiosk runs: the one that is named, or else that of the environment (`CHROMIUM_PATH`, `CHROME_BIN`,
 * `CHROME_PATH`), or else one under its usual names on PATH.
 * @throws CHROMIUM_MISSING
 */
export function findChromium(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (named !== undefined) {
    try {
      accessSync(named, constants.X_OK);
      return named;
    } catch (cause) {
      throw missing(`--chromium: ${named} is not an executable file.`, cause);
    }
  }
  let found: string | undefined;
  try {
    found = findOnSystem({ env });
  } catch (cause) {
    throw missing(toPeerceptronError(cause).message, cause);
  }
  if (found === undefined) {
    throw missing(
      'A kiosk needs Chromium, and none was found. Install it (Debian, Raspberry Pi OS: sudo apt install chromium), or name it by --chromium.',
    );
  }
  return found;
}

const missing = (message: string, cause?: unknown): PeerceptronError =>
  new PeerceptronError('CHROMIUM_MISSING', message, { cause });
