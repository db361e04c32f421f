import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { build, type Rollup } from 'vite';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { chromiumFlags } from '../../scripts/test/chromium-flags.mjs';
import type { BenchmarkContext } from '../benchmark.ts';
import type {} from './page.ts';
import type { CodecRate } from './rates.ts';

/** The built benchmark lies in `.cache/bench/<process>`. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The same in a page of a real Chromium. */
export async function chromiumRates({ quick }: BenchmarkContext): Promise<CodecRate[]> {
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();
  const built = (await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: `${root}bench/codec/page.ts`, formats: ['iife'], name: 'codecPage' },
    },
  })) as Rollup.RollupOutput[];
  const browser = await puppeteer.launch({ executablePath, headless: true, args: [...chromiumFlags()] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: built[0]!.output[0].code });
    return await page.evaluate((short) => globalThis.codecRates(short), quick);
  } finally {
    await browser.close();
  }
}
