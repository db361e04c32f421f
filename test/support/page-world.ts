import { webcrypto } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { expect } from 'vitest';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { setUp } from '../../scripts/setup.mjs';
import { chromiumFlags, showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { createSignalingServer } from '../../signaling/server.ts';
import { createRoomLink, formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import type { DemoView } from '../../src/ui/demo/components/demo-view.ts';

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
    args: [...chromiumFlags(), showLocalAddresses],
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

/** Waits until something can be shown to the room. */
export async function waitForDemo(page: Page): Promise<void> {
  // Not `waitForSelector`, which does not notice what changes in shadow roots.
  await expect.poll(() => page.$('>>> pt-demo[ready]'), { timeout: 60_000 }).not.toBeNull();
}

/** Shows a sample picture to the room, by the button of that number from 1, as soon as it can be shown. */
export async function showSample(page: Page, number: number): Promise<void> {
  await waitForDemo(page);
  await page.$eval(`>>> button[aria-label="Sample picture ${number}"]`, (button) =>
    (button as HTMLElement).click(),
  );
}

/** What the demo says to what is shown: the file, and the class. */
export const demoAnswer = (page: Page): Promise<{ file?: string; label?: string | undefined }> =>
  page.$eval('>>> pt-demo', (view) => {
    const { live, answer } = (view as DemoView).port!.state;
    return {
      ...(live.source.state === 'open' ? { file: live.source.source.name } : {}),
      ...(answer ? { label: answer.top[0]?.label } : {}),
    };
  });

/** Waits until the demo has read a sample picture, and has read it right: names of files begin with what they show. */
export async function waitForSample(page: Page, file: string): Promise<void> {
  await expect.poll(() => demoAnswer(page), { timeout: 120_000 }).toEqual({ file, label: file[0] });
}

/** Waits until the page says `text`; on time-out the failure shows what it says instead. */
export async function waitForText(page: Page, text: string | RegExp, timeoutMs = 60_000): Promise<void> {
  const said = expect.poll(() => textOf(page), { timeout: timeoutMs, interval: 50 });
  await (typeof text === 'string' ? said.toContain(text) : said.toMatch(text));
}
