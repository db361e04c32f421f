import { webcrypto } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { expect } from 'vitest';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { setUp } from '../../scripts/setup.mjs';
import { chromiumFlags, showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { createSignalingServer } from '../../signaling/server.ts';
import { createRoomLink, formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';

export const randomBytes = (length: number): Uint8Array => webcrypto.getRandomValues(new Uint8Array(length));

/** The built page on a signaling server of its own, and a Chromium to open it in. */
export interface PageWorld {
  readonly origin: string;
  /** A room of its own for each test. */
  newRoom(): RoomLink;
  /** What the page logs as errors, and what it could not load, since the last call. */
  takeComplaints(): string[];
  open(url: string | RoomLink): Promise<Page>;
  close(): Promise<void>;
}

export async function openPageWorld(): Promise<PageWorld> {
  await setUp('build');
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();
  const server = createSignalingServer({
    port: 0,
    host: '127.0.0.1',
    staticDir: fileURLToPath(new URL('../../dist/page', import.meta.url)),
  });
  const { url: origin } = await server.ready;
  const browser: Browser = await puppeteer.launch({
    executablePath,
    headless: true,
    args: [...chromiumFlags({ graphics: false }), showLocalAddresses],
  });
  let complaints: string[] = [];
  const pages: Page[] = [];
  return {
    origin,
    newRoom: () => createRoomLink(origin, randomBytes),
    takeComplaints: () => {
      const taken = complaints;
      complaints = [];
      return taken;
    },
    async open(url) {
      const page = await browser.newPage();
      pages.push(page);
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('requestfailed', (request) => {
        const reason = request.failure()?.errorText ?? '';
        if (reason !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${reason}`);
      });
      await page.goto(typeof url === 'string' ? url : formatRoomLink(url));
      return page;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** All that the page says, shadow roots included. */
export function textOf(page: Page): Promise<string> {
  return page.evaluate(() => {
    const read = (node: Node): string => {
      if (node instanceof Text) return node.data;
      if (node instanceof HTMLStyleElement) return '';
      if (node instanceof HTMLSlotElement) return node.assignedNodes().map(read).join('');
      const inside = node instanceof Element && node.shadowRoot ? node.shadowRoot : node;
      return [...inside.childNodes].map(read).join('');
    };
    return read(document.body).replaceAll(/\s+/g, ' ');
  });
}

/** Chooses one of the views of the room by its tab. */
export async function showView(page: Page, label: string): Promise<void> {
  // A page in the background draws nothing, and a pointer would wait for that.
  await page.$$eval(
    '>>> [role="tab"]',
    (tabs, wanted) => (tabs.find((tab) => tab.textContent.trim() === wanted) as HTMLElement).click(),
    label,
  );
}

/** Waits until the page says `text`; on time-out the failure shows what it says instead. */
export async function waitForText(page: Page, text: string | RegExp, timeoutMs = 60_000): Promise<void> {
  const said = expect.poll(() => textOf(page), { timeout: timeoutMs, interval: 50 });
  await (typeof text === 'string' ? said.toContain(text) : said.toMatch(text));
}
