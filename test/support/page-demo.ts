import type { ElementHandle, Page } from 'puppeteer-core';
import { expect } from 'vitest';
import type { LoadedModel } from '../../src/import/load-model.ts';
import { pixelInput } from '../../src/models/image-encoding.ts';
import { topPredictions, type Prediction } from '../../src/runtime/whole-model.ts';
import { probabilities } from '../../src/ui/demo/answer.ts';
import { wholeNetwork } from './digit-model.ts';

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
    const { live, answer } = view.port!.state;
    return {
      ...(live.source.state === 'open' ? { file: live.source.source.name } : {}),
      ...(answer ? { label: answer.top[0]?.label } : {}),
    };
  });

/** Waits until the demo has read a sample picture, and has read it right: names of files begin with what they show. */
export async function waitForSample(page: Page, file: string): Promise<void> {
  await expect.poll(() => demoAnswer(page), { timeout: 120_000 }).toEqual({ file, label: file[0] });
}

/** Who computes what the demo shows, as the planner has it. */
export const computing = (page: Page): Promise<readonly string[]> =>
  page.$eval('>>> pt-demo', (view) => view.port!.state.live.plan?.devices ?? []);

/** Something that was said to a picture, and the picture as the network got it, in pixels of its input. */
export interface Said {
  readonly pixels: readonly number[];
  readonly top: readonly Prediction[];
}

/** Of the largest share. */
const TOLERANCE = 1e-4;

function expectSame(top: readonly Prediction[], expected: readonly Prediction[]): void {
  const [best] = expected;
  expect(top[0]!.index).toBe(best!.index);
  for (const [place, { score }] of expected.entries())
    expect(Math.abs(top[place]!.score - score)).toBeLessThan(TOLERANCE * best!.score);
}

/** What is said now of a picture that stays, or of a clip that shows one picture all the time. */
export async function waitForSaid(page: Page, timeoutMs = 120_000): Promise<Said> {
  const said = (): Promise<Said | undefined> =>
    page.$eval('>>> pt-demo', (view) => {
      const { answer, live } = view.port!.state;
      if (!answer || answer.top.length === 0 || live.source.state !== 'open') return undefined;
      const [height, width] = live.network!.inputShape as [number, number];
      const pixels = live.source.source.read(answer.area, { width, height });
      return { top: answer.top, pixels: [...pixels] };
    });
  let last: Said | undefined;
  await expect
    .poll(
      async () => {
        last = await said();
        return last !== undefined;
      },
      { timeout: timeoutMs, interval: 200 },
    )
    .toBe(true);
  return last!;
}

/** Every answer is what the unsplit network says to what the network got. */
export async function expectUnsplit(said: readonly Said[], model: LoadedModel): Promise<void> {
  const whole = await wholeNetwork(model, model.graph);
  const { shape, image } = model.graph.inputs[0]!;
  // A clip shows the same pictures again and again.
  const known = new Map<string, readonly Prediction[]>();
  for (const { pixels, top } of said) {
    const key = pixels.join();
    const expected =
      known.get(key) ??
      topPredictions(
        probabilities(await whole(pixelInput(Uint8Array.from(pixels), image!, shape))),
        top.length,
        model.graph.labels,
      );
    known.set(key, expected);
    expectSame(top, expected);
  }
}

/** Gives files to the field for them in that part of the page. */
async function chooseFiles(page: Page, part: string, paths: readonly string[]): Promise<void> {
  const field = await page.$(`>>> ${part} >>> input[type="file"]`);
  await (field as ElementHandle<HTMLInputElement>).uploadFile(...paths);
}

/** Shows a picture or a clip that is a file. */
export const showFile = (page: Page, path: string): Promise<void> =>
  chooseFiles(page, 'pt-demo >>> pt-source-picker', [path]);

/** Chooses a network whose files are on this device, as people do. */
export async function chooseModelFiles(page: Page, paths: readonly string[]): Promise<void> {
  await page.$eval('>>> pt-demo >>> pt-model-picker >>> details', (details) => {
    details.open = true;
  });
  await page.$eval('>>> pt-demo >>> pt-model-picker >>> select', (select) => {
    select.value = 'files';
    select.dispatchEvent(new Event('change'));
  });
  await expect
    .poll(() => page.$('>>> pt-demo >>> pt-model-picker >>> input[type="file"][multiple]'))
    .not.toBeNull();
  await chooseFiles(page, 'pt-demo >>> pt-model-picker', paths);
}
