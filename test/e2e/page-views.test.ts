import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatRoomLink } from '../../src/protocol/room-link.ts';
import { startProgram } from '../support/program.ts';
import { digitSamples } from '../../src/ui/digit-samples.ts';
import { showSample, waitForSample } from '../support/page-demo.ts';
import { openPageWorld, showView, textOf, waitForText, type PageWorld } from '../support/page-world.ts';

let world: PageWorld;
beforeAll(async () => {
  world = await openPageWorld();
});
afterAll(() => world?.close());

/** Presses the button of this text, wherever it is. */
async function press(page: Page, text: string): Promise<void> {
  await page.$$eval(
    '>>> button',
    (buttons, wanted) => buttons.find(({ textContent }) => textContent.trim() === wanted)!.click(),
    text,
  );
}

async function rename(page: Page, name: string): Promise<void> {
  await showView(page, 'This device');
  await page.waitForSelector('>>> input.name');
  await page.$eval(
    '>>> input.name',
    (field, value) => {
      field.value = value;
      field.dispatchEvent(new Event('change'));
    },
    name,
  );
}

describe('the views of a room', () => {
  it('show who is there and what each gives, and follow it: names, a share, a pause, a way out and back', async () => {
    const link = world.newRoom();
    const [looks, gives] = [await world.open(link), await world.open(link)];
    try {
      for (const page of [looks, gives]) await waitForText(page, '1 other device here');
      await looks.bringToFront();
      await showView(looks, 'Mesh');
      await waitForText(looks, /2 devices .*MAC\/s.*connected.*% busy/);
      await waitForText(looks, 'direct link');
      await rename(gives, 'Ada’s laptop');
      await waitForText(looks, 'Ada’s laptop');
      await gives.$eval('>>> input[type="radio"][value="0.5"]', (share) => share.click());
      await waitForText(looks, 'gives 50 %');
      await press(gives, 'Pause');
      await waitForText(gives, 'Paused, computing nothing');
      await waitForText(looks, 'Ada’s laptop pauses.');
      await waitForText(looks, 'does not compute');
      await press(gives, 'Go on');
      await waitForText(looks, 'Ada’s laptop computes again.');
      await press(gives, 'Leave the room');
      await waitForText(gives, 'This device has left the room');
      await waitForText(looks, 'Ada’s laptop has left.');
      await press(gives, 'Join again');
      await waitForText(gives, '1 other device here');
      // What was decided holds at the next visit.
      await waitForText(looks, /Ada’s laptop .* gives 50 %/);
    } finally {
      await looks.close();
      await gives.close();
    }
    expect(world.takeComplaints()).toEqual([]);
  });

  it('stay in their places while a device joins, meets others, and works', async () => {
    const link = world.newRoom();
    const page = await world.open('about:blank');
    const peer = startProgram(['join', '--json', '--name', 'helper'], {
      PEERCEPTRON_URL: formatRoomLink(link),
    });
    try {
      await page.evaluateOnNewDocument(() => {
        const shifts: number[] = [];
        Object.assign(window, { shifts });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as (PerformanceEntry & { readonly value: number })[])
            shifts.push(entry.value);
        }).observe({ type: 'layout-shift', buffered: true });
      });
      await page.goto(formatRoomLink(link));
      await waitForText(page, '1 other device here');
      const shifted = (): Promise<number> =>
        page.evaluate(() =>
          (window as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0),
        );
      expect(await shifted()).toBeLessThan(0.02);
    } finally {
      await page.close();
      await peer.stop();
    }
  });

  it('let plans be changed while they are in use: without this device, and without the other', async () => {
    const link = world.newRoom();
    const peer = startProgram(['join', '--json', '--name', 'helper'], {
      PEERCEPTRON_URL: formatRoomLink(link),
    });
    const page = await world.open(link);
    try {
      await waitForText(page, '1 other device here');
      await showSample(page, 1);
      await waitForSample(page, digitSamples[0]!);
      for (const [left, right, sample] of [
        ['this device', 'helper', 2],
        ['helper', 'this device', 3],
      ] as const) {
        await showView(page, 'Network');
        const use = (name: string, isUsed: boolean) =>
          page.$$eval(
            '>>> input[type="checkbox"]',
            (boxes, wanted, used) => {
              const box = boxes.find((each) => each.parentElement!.textContent.includes(wanted))!;
              if (box.checked !== used) box.click();
            },
            name,
            isUsed,
          );
        await waitForText(page, /Devices to plan with .*helper.*Preview/);
        await use(right, true);
        await use(left, false);
        await press(page, 'Preview');
        await waitForText(page, new RegExp(`${right} computes\\.`, 'i'));
        await waitForText(page, 'Use this plan');
        await press(page, 'Use this plan');
        await waitForText(page, new RegExp(`1 ${right} `));
        await showView(page, 'Demo');
        await showSample(page, sample);
        await waitForSample(page, digitSamples[sample - 1]!);
        await showView(page, 'Frames');
        await waitForText(page, new RegExp(`(on|from|to) ${right}`));
        expect(await textOf(page)).toContain('Download trace');
      }
    } finally {
      await page.close();
      await peer.stop();
    }
    expect(world.takeComplaints()).toEqual([]);
  });
});
