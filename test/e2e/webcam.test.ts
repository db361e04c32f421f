import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import sharp from 'sharp';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setUp } from '../../scripts/setup.mjs';
import { fakeCamera, showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { loadModel } from '../../src/import/load-model.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { fileBytes } from '../../src/weights/file-source.ts';
import { startChromium } from '../support/chromium.ts';
import { digitModel } from '../support/digit-model.ts';
import { drawScene } from '../support/drawn-scene.ts';
import { computing, expectUnsplit, waitForDemo, waitForSaid, type Said } from '../support/page-demo.ts';
import { showView, textOf, waitForText } from '../support/page-world.ts';
import { startProgram } from '../support/program.ts';
import { hasRealdata, realdata, realdataNote } from '../support/realdata.ts';
import { rgbOf, y4mClip, type RgbPicture } from '../support/y4m.ts';

const WIDTH = 640;
const HEIGHT = 480;
/** Pictures per second of the clip, and for how many of them a digit is held. */
const RATE = 15;
const HELD = 20;

const undo: (() => unknown)[] = [];
let folder: string;
beforeAll(() => setUp('build'));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-e2e-webcam-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A sheet of paper in a dim room, a digit written on it. */
const heldDigit = (digit: number): RgbPicture => {
  const { picture } = drawScene({
    width: WIDTH,
    height: HEIGHT,
    ground: (x, y) => (x > 120 && x < 540 && y > 50 && y < 430 ? 225 : 45),
    ink: 35,
    digit,
    centre: [330, 240],
    heightPixels: 190,
    strokePixels: 24,
    noise: 4,
    random: seededRandom(digit),
  });
  return rgbOf(picture);
};

/** The room's server as people start it, and a device without a screen. */
async function startRoom(...flags: readonly string[]): Promise<string> {
  const server = startProgram(['serve', '--port', '0', '--host', '127.0.0.1', '--json', ...flags]);
  undo.push(() => server.stop());
  const { local } = (await server.firstJson()) as { readonly local: string };
  return local;
}

/** What people have decided about a device before. */
interface Decided {
  readonly name: string;
  readonly share: number;
  readonly memoryBytes?: number;
}

/** A browser of its own: another device, as far as the room can tell. */
async function openDevice(
  link: string,
  decided: Decided,
  flags: readonly string[] = [],
): Promise<{ readonly browser: Browser; readonly page: Page }> {
  const browser = await startChromium([showLocalAddresses, ...flags]);
  undo.push(() => browser.close());
  const page = await browser.newPage();
  await page.evaluateOnNewDocument((settings) => {
    localStorage.setItem('peerceptron device', settings);
    // A device of 2 GiB, of whose memory people may offer little.
    Object.defineProperty(Navigator.prototype, 'deviceMemory', { get: () => 2 });
  }, JSON.stringify(decided));
  await page.goto(link);
  await waitForText(page, 'In the room');
  await waitForDemo(page);
  return { browser, page };
}

/** A browser whose camera sees these pictures over and over. */
function openCameraDevice(link: string, decided: Decided, pictures: readonly RgbPicture[]) {
  const clip = join(folder, 'clip.y4m');
  writeFileSync(clip, y4mClip(pictures, RATE));
  return openDevice(link, decided, [...fakeCamera, `--use-file-for-fake-video-capture=${clip}`]);
}

/** Everything that the page says from now on is kept. */
const listen = (page: Page): Promise<void> =>
  page.$eval('>>> pt-demo', (view) => {
    const said: Said[] = [];
    Object.assign(window, { said });
    let last: unknown;
    view.port!.subscribe(({ answer }) => {
      if (answer === last) return;
      last = answer;
      if (answer?.seen) said.push({ pixels: [...answer.seen.pixels], top: answer.top });
    });
  });

/** What was said since the last call. */
const takeSaid = (page: Page): Promise<Said[]> =>
  page.evaluate(() => (window as unknown as { readonly said: Said[] }).said.splice(0));

/** Waits until answers to all of these have come, and returns all that have. */
async function waitForDigits(page: Page, digits: readonly number[]): Promise<Said[]> {
  const said: Said[] = [];
  const read = new Set<string>();
  await expect
    .poll(
      async () => {
        for (const one of await takeSaid(page)) {
          said.push(one);
          read.add(one.top[0]!.label!);
        }
        return digits.filter((digit) => !read.has(String(digit)));
      },
      { timeout: 60_000, interval: 200 },
    )
    .toEqual([]);
  return said;
}

/** Ends the tab as the system does that is short of memory: by its process, with no time to say anything. */
async function killTab(browser: Browser): Promise<void> {
  const session = await browser.target().createCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  for (const { type, id } of processInfo) if (type === 'renderer') process.kill(id, 'SIGKILL');
}

describe('a camera that is shown to a room of browsers and a Node peer', () => {
  it('is read as by the unsplit network, picture by picture', async () => {
    const link = await startRoom('--demo', '--peers', '1');
    await openDevice(link, { name: 'helper', share: 1 });
    const digits = [2, 5, 7];
    const pictures = digits.flatMap((digit) => new Array<RgbPicture>(HELD).fill(heldDigit(digit)));
    const { page } = await openCameraDevice(link, { name: 'camera', share: 0.5 }, pictures);
    await waitForText(page, '2 other devices here');
    await listen(page);
    await page.locator('>>> pt-demo >>> pt-source-picker >>> button').click();
    const said = await waitForDigits(page, digits);
    await expectUnsplit(said, await digitModel());
    expect(await textOf(page)).toMatch(/Per second \d/);
  });

  it('is read on when a tab is killed that computes, and the page says who has gone', async () => {
    const link = await startRoom();
    const peer = startProgram(['join', '--json', '--name', 'Node peer', '--share', '25%'], {
      PEERCEPTRON_URL: link,
    });
    undo.push(() => peer.stop());
    const helper = await openDevice(link, { name: 'Ada’s laptop', share: 1 });
    const digits = [3, 8];
    const pictures = digits.flatMap((digit) => new Array<RgbPicture>(HELD).fill(heldDigit(digit)));
    const { page } = await openCameraDevice(link, { name: 'camera', share: 0.25 }, pictures);
    await waitForText(page, '2 other devices here');
    await listen(page);
    await page.locator('>>> pt-demo >>> pt-source-picker >>> button').click();
    const before = await waitForDigits(page, digits);
    await expect.poll(() => computing(page), { timeout: 60_000 }).toContain('Ada’s laptop');
    await takeSaid(page);
    await killTab(helper.browser);
    await waitForText(page, 'Ada’s laptop has gone');
    await expect.poll(() => computing(page), { timeout: 60_000 }).not.toContain('Ada’s laptop');
    await takeSaid(page);
    const after = await waitForDigits(page, digits);
    await expectUnsplit([...before, ...after], await digitModel());
    await waitForText(page, '1 other device here');
    await showView(page, 'Mesh');
    await waitForText(page, 'Ada’s laptop has left.');
  });

  it('is computed by all together where no device could hold the network, as by the unsplit one', async () => {
    const memoryBytes = 120e6;
    const link = await startRoom();
    // The native engine holds weights twice on some processors.
    const peer = startProgram(
      ['join', '--json', '--name', 'Node peer', '--memory', '120MB', '--engine', 'wasm'],
      { PEERCEPTRON_URL: link },
    );
    undo.push(() => peer.stop());
    await openDevice(link, { name: 'helper', share: 1, memoryBytes });
    const picture = heldDigit(4);
    const { page } = await openCameraDevice(link, { name: 'camera', share: 1, memoryBytes }, [
      picture,
      picture,
    ]);
    await waitForText(page, '2 other devices here');
    // 244 MB of weights; those of its first dense layer alone are 151 MB.
    await page.$eval('>>> pt-demo', (view) => view.port!.chooseModel({ kind: 'preset', name: 'alexnet' }));
    await page.locator('>>> pt-demo >>> pt-source-picker >>> button').click();
    const said = await waitForSaid(page);
    expect([...(await computing(page))].sort()).toEqual(['Node peer', 'helper', 'this device']);
    await expectUnsplit([said], await loadModel('alexnet', { open: fileBytes }));
  });

  it.skipIf(!hasRealdata)(
    `is classified by a trained network of the room’s server as by the unsplit one${realdataNote}`,
    async () => {
      const models = realdata('tfjs-layers-mobilenet-v1-025');
      const file = 'mobilenet_model.json';
      const link = await startRoom('--peers', '1', '--models', models);
      await openDevice(link, { name: 'helper', share: 1 });
      const photograph = await sharp(realdata('images/panda/panda.jpg'))
        .resize(WIDTH, HEIGHT, { fit: 'cover' })
        .removeAlpha()
        .raw()
        .toBuffer();
      const picture = { width: WIDTH, height: HEIGHT, values: new Uint8Array(photograph) };
      const { page } = await openCameraDevice(link, { name: 'camera', share: 0.5 }, [picture, picture]);
      await waitForText(page, '2 other devices here');
      const url = new URL(`/models/${file}`, link).href;
      await page.$eval(
        '>>> pt-demo',
        (view, address) => view.port!.chooseModel({ kind: 'url', url: address }),
        url,
      );
      await page.locator('>>> pt-demo >>> pt-source-picker >>> button').click();
      // The clip shows one picture, so what is read of it is what the network got.
      const said = await waitForSaid(page);
      const model = await loadModel(join(models, file), { open: fileBytes });
      await expectUnsplit([said], model);
      expect(said.top[0]!.index).toBe(388);
    },
  );
});
