#!/usr/bin/env node
/**
 * Pictures of the page: `node scripts/screenshots.mjs gallery|<url> <folder> [state …]` takes every state of the
 * gallery (or the page at the address) at 390 and 1280 px, light and dark.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { createServer } from 'vite';
import { chromiumMissing, findChromium } from './setup/chromium.mjs';
import { chromiumFlags } from './test/chromium-flags.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [target, folder, ...only] = process.argv.slice(2);
if (!target || !folder) {
  process.stderr.write('usage: node scripts/screenshots.mjs gallery|<url> <folder> [state …]\n');
  process.exit(2);
}

const widths = [390, 1280];
const schemes = ['light', 'dark'];

async function main() {
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();
  mkdirSync(folder, { recursive: true });
  const server = target === 'gallery' ? await serveGallery() : undefined;
  const browser = await puppeteer.launch({ executablePath, headless: true, args: chromiumFlags() });
  try {
    const page = await browser.newPage();
    const pages = server ? await galleryPages(page, server.resolvedUrls.local[0]) : [['page', target]];
    for (const [name, url] of pages) {
      if (only.length > 0 && !only.includes(name)) continue;
      for (const width of widths)
        for (const scheme of schemes) {
          await page.setViewport({ width, height: 844, deviceScaleFactor: 1 });
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
          await page.goto(url, { waitUntil: 'load' });
          if (server) await page.waitForSelector('html[data-ready]');
          // A live page has an engine to test and a room to join first.
          else await delay(4000);
          const path = join(folder, `${name}-${width}-${scheme}.png`);
          await page.screenshot({ path, fullPage: true });
          const overflowPx = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          process.stdout.write(`${path}${overflowPx > 0 ? `  overflows by ${overflowPx} px` : ''}\n`);
        }
    }
  } finally {
    await browser.close();
    await server?.close();
  }
}

async function serveGallery() {
  const server = await createServer({
    configFile: join(root, 'vite.config.ts'),
    root,
    logLevel: 'warn',
    server: { port: 0, host: '127.0.0.1', hmr: false },
  });
  return server.listen();
}

async function galleryPages(page, origin) {
  const states = [];
  for (const gallery of ['index', 'kiosk']) {
    const url = `${origin}test/browser/gallery/${gallery}.html`;
    await page.goto(url);
    await page.waitForSelector('html[data-ready]');
    const names = await page.$$eval('a', (links) => links.map((link) => link.textContent));
    states.push(...names.map((name) => [name, `${url}?state=${name}`]));
  }
  return states;
}

await main();
