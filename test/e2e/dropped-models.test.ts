import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'puppeteer-core';
import { openModelH5 } from '../../headless/model-files.ts';
import { loadModel } from '../../src/import/load-model.ts';
import { formatRoomLink } from '../../src/protocol/room-link.ts';
import { fileBytes } from '../../src/weights/file-source.ts';
import {
  chooseModelFiles,
  computing,
  expectUnsplit,
  showFile,
  waitForDemo,
  waitForSaid,
} from '../support/page-demo.ts';
import { openPageWorld, textOf, waitForText, type PageWorld } from '../support/page-world.ts';
import { startProgram } from '../support/program.ts';
import { hasRealdata, realdata, realdataNote } from '../support/realdata.ts';

let world: PageWorld;
const undo: (() => unknown)[] = [];
beforeAll(async () => {
  world = await openPageWorld();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => world?.close());

/** A page whose device rests, in a room with a Node peer: what its people have on disk is computed over there. */
async function openRoom(): Promise<Page> {
  const link = world.newRoom();
  const peer = startProgram(['join', '--json', '--name', 'helper'], {
    PEERCEPTRON_URL: formatRoomLink(link),
  });
  undo.push(() => peer.stop());
  const page = await world.open(link);
  undo.push(() => page.close());
  await waitForText(page, '1 other device here');
  await waitForDemo(page);
  await page.$eval('pt-app', (app) => app.dispatchEvent(new Event('pause-device')));
  await waitForText(page, 'Paused, computing nothing');
  return page;
}

describe.skipIf(!hasRealdata)(`a network from somebody’s disk, shown to the room${realdataNote}`, () => {
  it('is MobileNet with its 55 files of weights: it knows the elephant, as the unsplit one does', async () => {
    const folder = realdata('tfjs-layers-mobilenet-v1-025');
    const files = readdirSync(folder).filter((name) => name.startsWith('mobilenet_'));
    const page = await openRoom();
    await chooseModelFiles(
      page,
      files.map((name) => join(folder, name)),
    );
    await showFile(page, realdata('images/elephant/elephant.jpg'));
    const said = await waitForSaid(page);
    expect(await computing(page)).toEqual(['helper']);
    // African elephant, Indian elephant, tusker.
    expect([385, 386, 101]).toContain(said.top[0]!.index);
    await expectUnsplit([said], await loadModel(join(folder, 'mobilenet_model.json'), { open: fileBytes }));
    expect(world.takeComplaints()).toEqual([]);
  });

  it('is a Keras .h5: it knows a happy face, as the unsplit one does', async () => {
    const file = realdata('keras-h5-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5');
    const page = await openRoom();
    await chooseModelFiles(page, [file]);
    await showFile(page, realdata('images/faces/happy.jpg'));
    const said = await waitForSaid(page);
    expect(await computing(page)).toEqual(['helper']);
    expect(said.top[0]!.index).toBe(3);
    await expectUnsplit([said], await loadModel(file, { open: fileBytes, openH5: openModelH5 }));
    expect(world.takeComplaints()).toEqual([]);
  });

  it('says which file is missing where not all of them were chosen', async () => {
    const folder = realdata('tfjs-layers-mobilenet-v1-025');
    const page = await openRoom();
    await chooseModelFiles(page, [join(folder, 'mobilenet_model.json')]);
    await showFile(page, realdata('images/elephant/elephant.jpg'));
    await waitForText(page, 'is not among the files: choose it together with the others');
    expect(await textOf(page)).toContain('WEIGHTS_UNAVAILABLE');
  });
});
