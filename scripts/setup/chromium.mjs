import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const usualPlaces = {
  darwin: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  win32: ['C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'],
  linux: ['/snap/bin/chromium'],
};

/**
 * Path of a Chromium or Chrome: `CHROMIUM_PATH`, `CHROME_BIN` or `CHROME_PATH`, else the usual names on PATH, else the usual places.
 *
 * @param {{ env?: Record<string, string | undefined>, platform?: string }} [from]
 * @returns {string | undefined}
 */
export function findChromium({ env = process.env, platform = process.platform } = {}) {
  for (const variable of ['CHROMIUM_PATH', 'CHROME_BIN', 'CHROME_PATH']) {
    const path = env[variable];
    if (!path) continue;
    if (isExecutable(path)) return path;
    throw new SetupError(
      'CHROMIUM_MISSING',
      `${variable} is set to ${path}, which is not an executable file.`,
    );
  }
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)));
  return [...onPath, ...(usualPlaces[platform] ?? [])].find(isExecutable);
}

/** True where `apt-get install` may be run without asking anybody. */
export function canInstallChromium() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    return false;
  try {
    return /debian/i.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

export function chromiumMissing() {
  return new SetupError(
    'CHROMIUM_MISSING',
    'The browser tests need Chromium, and none was found. Install it ("sudo apt-get install chromium" on Debian and ' +
      'Raspberry Pi OS, or Chrome from https://www.google.com/chrome), or set CHROMIUM_PATH to its executable.',
  );
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
