import puppeteer, { type Browser } from 'puppeteer-core';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { chromiumFlags } from '../../scripts/test/chromium-flags.mjs';

/** A real Chromium of its own, as the tests and a headless kiosk start it. */
export async function startChromium(
  extraFlags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();
  return puppeteer.launch({
    executablePath,
    headless: true,
    args: [...chromiumFlags({ graphics: false }), ...extraFlags],
    env: { ...process.env, ...env },
  });
}
