import { setTimeout as sleep } from 'node:timers/promises';
import puppeteer, { type Page } from 'puppeteer-core';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { chromiumFlags, showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { PeerceptronError } from '../../src/shared/errors.ts';

/** A real page of this build in a real Chromium, that takes part in a room with its wasm engine. */
export interface ChromiumPeer {
  /** Opens the room's link; resolves when the page has joined, or is about to, and has measured its device, which it does at each visit. */
  visit(): Promise<void>;
  close(): Promise<void>;
}

export interface ChromiumPeerOptions {
  readonly url: string;
  /** How others see it. */
  readonly name: string;
  /** What it offers to plans; at most 4 GB. */
  readonly memoryBytes: number;
  /** Before Chromium and its arguments; what it starts becomes Chromium in the end. */
  readonly command: readonly string[];
}

/** Where the page keeps what was decided about its device, and what it has measured of it. */
const SETTINGS = 'peerceptron device';
const PROFILE = 'peerceptron profile';
const VISIT_TIMEOUT_MS = 90_000;
const LOOK_EVERY_MS = 250;

export async function startChromiumPeer(options: ChromiumPeerOptions): Promise<ChromiumPeer> {
  const chromium = findChromium();
  if (!chromium) throw chromiumMissing();
  const flags = puppeteer.defaultArgs({ headless: true, args: [...chromiumFlags(), showLocalAddresses] });
  const browser = await puppeteer.launch({
    // Finds programs by their names, and becomes what it is told.
    executablePath: '/usr/bin/env',
    args: [...options.command, chromium, ...flags],
    ignoreDefaultArgs: true,
    // Whoever started it sees to that, and to everything else.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  try {
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(
      (item, settings) => {
        // A device with one processor, and so much memory that what is offered of it is up to its people.
        Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 1 });
        Object.defineProperty(Navigator.prototype, 'deviceMemory', { get: () => 8 });
        // An empty page has no storage.
        if (location.protocol.startsWith('http')) localStorage.setItem(item, settings);
      },
      SETTINGS,
      JSON.stringify({ name: options.name, share: 1, memoryBytes: options.memoryBytes, restBelow: 0 }),
    );
    const url = new URL(options.url);
    url.searchParams.set('engine', 'wasm');
    return { visit: () => visit(page, url.href), close: () => browser.close() };
  } catch (thrown) {
    await browser.close();
    throw thrown;
  }
}

async function visit(page: Page, url: string): Promise<void> {
  if (page.url().startsWith('http')) {
    await page.evaluate((item) => localStorage.removeItem(item), PROFILE);
    // Otherwise the same address would not be opened anew.
    await page.goto('about:blank');
  }
  await page.goto(url);
  const untilMs = performance.now() + VISIT_TIMEOUT_MS;
  while ((await page.evaluate((item) => localStorage.getItem(item), PROFILE)) === null) {
    if (performance.now() > untilMs)
      throw new PeerceptronError(
        'INTERNAL',
        `the page in Chromium has not measured its device within ${VISIT_TIMEOUT_MS / 1000} s`,
      );
    await sleep(LOOK_EVERY_MS);
  }
}
