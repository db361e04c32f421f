import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { build } from 'vite';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { chromiumFlags, showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { createSignalingServer } from '../../signaling/server.ts';
import type { EndSignal } from './link-end.ts';
import type { RemoteEnd } from './node-end.ts';
import type {} from './page-end.ts';

/** The built benchmark lies in `.cache/bench/<process>`. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** An end in a page of a real Chromium, built like the product's page. */
export async function startChromiumEnd(): Promise<RemoteEnd> {
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();
  const outDir = await mkdtemp(join(tmpdir(), 'link-end-'));
  await build({
    configFile: join(root, 'vite.config.ts'),
    root,
    publicDir: false,
    logLevel: 'error',
    build: {
      outDir,
      emptyOutDir: true,
      rollupOptions: { input: join(root, 'bench/transport/page-end.html') },
    },
  });
  const server = createSignalingServer({ port: 0, host: '127.0.0.1', staticDir: outDir });
  const { url } = await server.ready;
  const browser = await puppeteer.launch({
    executablePath,
    headless: true,
    args: [...chromiumFlags(), showLocalAddresses],
  });
  const page = await browser.newPage();
  const end: RemoteEnd = {
    onSignal: () => undefined,
    open: (initiator) => page.evaluate((offers) => window.openEnd(offers), initiator),
    signal: (signal) => void page.evaluate((received) => window.linkEnd.signal(received), signal),
    transfer: (carrier, sizeBytes, tensors) =>
      page.evaluate((...asked) => window.linkEnd.transfer(...asked), carrier, sizeBytes, tensors),
    roundTrips: (durationMs) => page.evaluate((ms) => window.linkEnd.roundTripsUnderBulk(ms), durationMs),
    cpuSeconds: async () => 0,
    async close() {
      await browser.close();
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
  await page.exposeFunction('emitSignal', (signal: EndSignal) => end.onSignal(signal));
  await page.goto(`${url}bench/transport/page-end.html`);
  return end;
}
