import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setUp } from '../../scripts/setup.mjs';
import { showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { formatRoomLink, parseRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { startChromium } from '../support/chromium.ts';
import { computeDigits } from '../support/compute-digits.ts';
import { accessibilityProblems } from '../support/page-axe.ts';
import { textOf, waitForText } from '../support/page-world.ts';
import { startProgram, type Program } from '../support/program.ts';
import { openRestartableSite, type RestartableSite } from '../support/restartable-site.ts';
import { capabilities, joinReal, until } from './mesh-room.ts';

let browser: Browser;
let site: RestartableSite;
let link: RoomLink;
const pages: Page[] = [];
beforeAll(async () => {
  await setUp('build');
  browser = await startChromium([showLocalAddresses]);
});
afterAll(() => browser?.close());
beforeEach(async () => {
  site = await openRestartableSite();
  link = site.newRoom();
});
afterEach(async () => {
  for (const page of pages.splice(0)) await page.close();
  await site.close();
});

async function open(url: string): Promise<Page> {
  const page = await browser.newPage();
  pages.push(page);
  await page.goto(url);
  return page;
}
const kioskUrl = (query = '') => formatRoomLink(link).replace('/#', `/kiosk${query}#`);
/** Survives everything but a new load of the page. */
const mark = (page: Page) => page.evaluate(() => void Object.assign(window, { marked: true }));
const isMarked = (page: Page) => page.evaluate(() => 'marked' in window);
/** Until the service worker has all that later starts need; the engine's parts come last. */
const waitForShell = (page: Page) =>
  expect
    .poll(
      () =>
        page.evaluate(async () => {
          if (!navigator.serviceWorker.controller) return [];
          const kept: string[] = [];
          for (const name of await caches.keys()) {
            const requests = await (await caches.open(name)).keys();
            kept.push(...requests.map(({ url }) => new URL(url).pathname));
          }
          return kept;
        }),
      { timeout: 60_000 },
    )
    .toEqual(
      expect.arrayContaining([
        '/index.html',
        '/kiosk.html',
        expect.stringMatching(/\/worker-entry-browser-.*\.js$/),
        expect.stringMatching(/\/tfjs-backend-wasm-simd-.*\.wasm$/),
        expect.stringMatching(/\/where_impl-.*\.js$/),
      ]),
    );
const isIsolated = (page: Page) => page.evaluate(() => crossOriginIsolated);

describe('the kiosk page', () => {
  it('joins, says how it is, and passes the accessibility rules, bright and dim', async () => {
    const page = await open(kioskUrl());
    await waitForText(page, 'In the room, waiting for other devices');
    expect(await textOf(page)).toMatch(/Engine tfjs-/);
    expect(await isIsolated(page)).toBe(true);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.keyboard.press('d');
    await expect.poll(() => page.$eval('pt-kiosk', (kiosk) => kiosk.hasAttribute('dimmed'))).toBe(true);
    expect(await textOf(page)).not.toContain('Engine tfjs-');
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.keyboard.press('x');
    await expect.poll(() => page.$eval('pt-kiosk', (kiosk) => kiosk.hasAttribute('dimmed'))).toBe(false);
  });

  it('says what it lacks where the link names no room', async () => {
    const page = await open(`${site.origin}kiosk`);
    await waitForText(page, 'No room');
    expect(await textOf(page)).toContain('Open this page with a room');
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  it('comes back after the server has gone and is there again, without a reload, and meets newcomers', async () => {
    const page = await open(kioskUrl());
    await waitForText(page, 'In the room');
    await mark(page);
    for (let restart = 0; restart < 2; restart++) {
      await site.stop();
      await waitForText(page, 'Connection to the room lost');
      expect(await textOf(page)).toContain('SIGNALING_');
      await site.start();
      await waitForText(page, 'In the room, waiting for other devices');
    }
    const mesh = await joinReal(link, 'newcomer');
    await until(mesh, () => mesh.members.size === 1);
    await waitForText(page, 'In the room, ready to compute');
    await mesh.leave();
    await waitForText(page, 'waiting for other devices');
    expect(await isMarked(page)).toBe(true);
  });

  it('computes again after the process that serves was killed and started again', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'peerceptron-kiosk-')), 'room.txt');
    const serve = (port: number): Program =>
      startProgram(['serve', '--port', String(port), '--json', '--room-file', file]);
    let server = serve(0);
    try {
      const { port, local } = (await server.firstJson()) as { port: number; local: string };
      const room = parseRoomLink(local);
      const page = await open(local.replace('/#', '/kiosk#'));
      await waitForText(page, 'In the room');
      await mark(page);
      for (let life = 0; life < 2; life++) {
        const mesh = await joinReal(room, 'requester', {
          capabilities: { ...capabilities('requester'), serves: false },
        });
        await until(mesh, () => mesh.members.size === 1);
        await computeDigits(mesh);
        await waitForText(page, `Frames so far ${3 * (life + 1)}`);
        await mesh.leave();
        await server.stop('SIGKILL');
        await waitForText(page, 'Connection to the room lost');
        server = serve(port);
        await server.firstJson();
        await waitForText(page, 'In the room');
      }
      expect(await isMarked(page)).toBe(true);
    } finally {
      await server.stop('SIGKILL');
      rmSync(dirname(file), { recursive: true });
    }
  });

  it('loads itself anew when the server comes back with another build, and joins again', async () => {
    const page = await open(kioskUrl());
    await waitForText(page, 'In the room');
    await mark(page);
    await site.stop();
    await waitForText(page, 'Connection to the room lost');
    site.rebuild('kiosk.html');
    await site.start();
    await page.waitForSelector('link[href="/assets/another-Bu1ldBu1.css"]', { timeout: 60_000 });
    await waitForText(page, 'In the room');
    expect(await isMarked(page)).toBe(false);
    await mark(page);
    // The same build is no reason.
    await site.stop();
    await waitForText(page, 'Connection to the room lost');
    await site.start();
    await waitForText(page, 'In the room');
    expect(await isMarked(page)).toBe(true);
  });
});

describe('the app shell', () => {
  it('starts a kiosk while its server is off, which joins when the server is there', async () => {
    const page = await open(kioskUrl());
    await waitForText(page, 'In the room');
    await waitForShell(page);
    await site.stop();
    await page.reload();
    await waitForText(page, 'Connection to the room lost');
    expect(await textOf(page)).toMatch(/Engine tfjs-/);
    expect(await isIsolated(page)).toBe(true);
    await mark(page);
    await site.start();
    await waitForText(page, 'In the room');
    expect(await isMarked(page)).toBe(true);
  });

  it('starts the page without its server, says so, and goes on when it is there', async () => {
    const page = await open(formatRoomLink(link));
    await waitForText(page, 'In the room');
    await waitForShell(page);
    await site.stop();
    await page.reload();
    await waitForText(page, 'Trying again');
    expect(await isIsolated(page)).toBe(true);
    await site.start();
    await waitForText(page, 'In the room');
    expect(await textOf(page)).not.toContain('Trying again');
  });

  it('takes over what another build keeps, and lets go of the build before the last', async () => {
    const page = await open(formatRoomLink(link));
    await waitForText(page, 'In the room');
    await waitForShell(page);
    const names = () =>
      page.evaluate(async () => (await caches.keys()).map((name) => name.split(' ').at(-1)));
    const isSettled = () =>
      page.evaluate(async () => {
        const { installing, waiting, active } = await navigator.serviceWorker.ready;
        return !installing && !waiting && active?.state === 'activated';
      });
    const [first] = await names();
    for (const [build, kept] of [
      ['b'.repeat(16), [first, 'b'.repeat(16)]],
      ['c'.repeat(16), ['b'.repeat(16), 'c'.repeat(16)]],
    ] as const) {
      // While one build is on its way, browsers do not look for another.
      await expect.poll(isSettled, { timeout: 30_000 }).toBe(true);
      site.rebuildShell(build);
      await page.reload();
      await expect.poll(names, { timeout: 30_000 }).toEqual(kept);
    }
    await waitForText(page, 'In the room');
    await site.stop();
    await page.reload();
    await waitForText(page, 'Trying again');
  });

  it('keeps nothing that servers or models say', async () => {
    const page = await open(formatRoomLink(link));
    await waitForText(page, 'In the room');
    await waitForShell(page);
    const before = await page.evaluate(async () => {
      const status = async (path: string, headers: Record<string, string> = {}) =>
        (await fetch(path, { headers })).status;
      return {
        whole: await status('/models/digits/graph.json'),
        part: await status('/models/digits/weights.safetensors', { Range: 'bytes=0-99' }),
        config: await status('/config.json'),
      };
    });
    expect(before).toEqual({ whole: 200, part: 206, config: 200 });
    const kept = await page.evaluate(async () => {
      const paths: string[] = [];
      for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys()) paths.push(new URL(url).pathname);
      return paths;
    });
    expect(kept.filter((path) => /^\/models\/|\.json$|signaling|healthz/.test(path))).toEqual([]);
    await site.stop();
    const after = await page.evaluate(() =>
      Promise.all(
        ['/models/digits/graph.json', '/config.json', '/nothing'].map((path) =>
          fetch(path).then(
            () => 'answered',
            () => 'failed',
          ),
        ),
      ),
    );
    expect(after).toEqual(['failed', 'failed', 'failed']);
  });

  it('is an app that can be installed', async () => {
    const page = await open(site.origin);
    const client = await page.createCDPSession();
    const { errors, url } = await client.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    expect(url).toBe(`${site.origin}manifest.webmanifest`);
    const { installabilityErrors } = await client.send('Page.getInstallabilityErrors');
    // Puppeteer's profile is a private one, where nothing can be installed.
    expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
    const manifest = (await (await fetch(url)).json()) as { icons: { src: string; sizes: string }[] };
    for (const { src } of manifest.icons) expect((await fetch(new URL(src, url))).status, src).toBe(200);
  });
});
