import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { parseGraph } from '../../src/graph/parse.ts';
import { joinMesh } from '../../src/mesh/join-mesh.ts';
import { signalingByLink } from '../../src/mesh/signaling-by-link.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { openNodeSocket } from '../../src/mesh/websocket-node.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import { formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { openSession } from '../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../src/runtime/whole-model.ts';
import { asSessionId, shortId, toHex } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { digitSamples } from '../../src/ui/digit-samples.ts';
import { fileBytes } from '../../src/weights/file-source.ts';
import { readSafetensors } from '../../src/weights/safetensors.ts';
import { storedSource } from '../../src/weights/stored-source.ts';
import { startProgram } from '../support/program.ts';
import { showSample, waitForSample } from '../support/page-demo.ts';
import {
  openPageWorld,
  randomBytes,
  showView,
  textOf,
  waitForText,
  type PageWorld,
} from '../support/page-world.ts';

const model = (file: string) => fileURLToPath(new URL(`../../public/models/digits/${file}`, import.meta.url));

let world: PageWorld;
beforeAll(async () => {
  world = await openPageWorld();
});
afterAll(() => world?.close());

const joinAsRequester = (link: RoomLink): Promise<Mesh> =>
  joinMesh({
    link,
    capabilities: {
      name: 'test requester',
      engine: 'none',
      accuracy: 'f32',
      memoryBytes: 0,
      platform: 'node',
      serves: false,
    },
    openSignaling: signalingByLink(openNodeSocket),
    openRtc: openRtcNode,
    clock: systemClock,
    randomBytes,
  });

describe('the page', () => {
  it('joins the room of its link without a click, and meets the others there', async () => {
    const link = world.newRoom();
    const first = await world.open(link);
    await waitForText(first, 'In the room, waiting for other devices');
    await showView(first, 'This device');
    expect(await textOf(first)).toContain('tfjs-');
    const second = await world.open(link);
    await waitForText(second, '1 other device here');
    await waitForText(first, '1 other device here');
    await second.close();
    await waitForText(first, 'Nobody else is here');
    await first.close();
    expect(world.takeComplaints()).toEqual([]);
  });

  it('explains what a room is when the link names none, makes one, and enters it', async () => {
    const page = await world.open(world.origin);
    await waitForText(page, 'No room yet');
    await page.locator('>>> button').click();
    await waitForText(page, 'Your room is ready');
    const href = await page.$eval('>>> a.button', (link) => link.href);
    expect(href).toMatch(new RegExp(`^${world.origin}#[a-z-]+\\.[0-9a-z]{32}$`));
    await page.locator('>>> a.button').click();
    await waitForText(page, 'In the room, waiting for other devices');
    await page.close();
    expect(world.takeComplaints()).toEqual([]);
  });

  it('says in words what is wrong with a broken link', async () => {
    const page = await world.open(`${world.origin}#amber-otter.tooshort`);
    await waitForText(page, 'This link does not lead to a room');
    expect(await textOf(page)).toContain('ROOM_LINK_INVALID');
    await page.close();
  });

  it('runs under its content security policy, isolated, with nothing from elsewhere', async () => {
    const page = await world.open(world.newRoom());
    await waitForText(page, 'In the room');
    const facts = await page.evaluate(() => ({
      isolated: crossOriginIsolated,
      policy: document.querySelector<HTMLMetaElement>('meta[http-equiv="Content-Security-Policy"]')?.content,
      origins: [...new Set(performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin))],
    }));
    expect(facts.isolated).toBe(true);
    expect(facts.policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(facts.origins).toEqual([new URL(world.origin).origin]);
    await page.close();
  });

  it('computes its tiles of a network: two pages give the numbers of the unsplit model', async () => {
    const link = world.newRoom();
    const pages = [await world.open(link), await world.open(link)];
    for (const page of pages) await waitForText(page, '1 other device here');
    const mesh = await joinAsRequester(link);
    const engine = createReferenceEngine();
    try {
      const stored = JSON.parse(await readFile(model('graph.json'), 'utf8')) as Record<string, unknown>;
      delete stored['weights']; // The name of the file beside it.
      const graph = parseGraph(stored);
      const { tensors } = await readSafetensors(fileBytes(model('weights.safetensors')));
      const weights = storedSource(tensors);
      await expect.poll(() => mesh.members.size).toBe(2);
      const session = await openSession({
        node: new RuntimeNode(mesh),
        graph,
        weights,
        plan: pipelinePlan({
          graph,
          session: asSessionId(toHex(randomBytes(16))),
          epoch: 0,
          peers: [...mesh.members.keys()].map((id) => ({ id, speed: 1 })),
        }),
        clock: systemClock,
      });
      const whole = await loadWholeModel(engine, graph, weights);
      const random = seededRandom(7);
      for (let frame = 0; frame < 5; frame++) {
        const image = Float32Array.from({ length: 32 * 32 }, () => random.next());
        const { outputs } = await session.run([image.slice()]);
        const expected = await whole.run([image]);
        expect(compareOutputs(outputs, expected.outputs)).toMatchObject({
          withinTolerance: true,
          sameTop1: true,
        });
      }
      for (const page of pages) {
        await waitForText(page, 'Computing digits');
        await waitForText(page, 'Frames 5');
        await waitForText(page, /This device does ops? \d.* of digits, \d+ % of the work/);
        await showView(page, 'Mesh');
        await waitForText(page, `test requester ${shortId(mesh.self)}`);
        await showView(page, 'Network');
        await waitForText(page, 'The network digits');
        await showView(page, 'Demo');
      }
      await session.close();
      for (const page of pages) await waitForText(page, '5 frames computed so far');
    } finally {
      await mesh.leave();
      await engine.dispose();
    }
    for (const page of pages) await waitForText(page, '1 other device here');
    for (const page of pages) await page.close();
    expect(world.takeComplaints()).toEqual([]);
  });

  it('asks the room: the bundled pictures are read right, by whomever the planner chose', async () => {
    const link = world.newRoom();
    const peer = startProgram(['join', '--json', '--name', 'helper'], {
      PEERCEPTRON_URL: formatRoomLink(link),
    });
    const page = await world.open(link);
    try {
      await waitForText(page, 'In the room');
      await waitForText(page, '1 other device here');
      const requested: string[] = [];
      page.on('request', (request) => requested.push(new URL(request.url()).pathname));
      for (const [index, file] of digitSamples.entries()) {
        await showSample(page, index + 1);
        await waitForSample(page, file);
        // The model, the planner and all else are there after the first one.
        if (index > 0)
          expect(requested.filter((path) => path.endsWith('.json') || path.endsWith('.js'))).toEqual([]);
        requested.length = 0;
      }
      const text = await textOf(page);
      // Both were candidates, whichever of them computes.
      expect(text).toMatch(/of 2 devices: |(this device and helper|helper and this device) compute/i);
      expect(text).toMatch(/One picture \S+ ms \S+ ms/);
      await showView(page, 'Frames');
      await waitForText(page, 'took most of it');
      await showView(page, 'Network');
      await page.locator('>>> pt-plan-preview >>> input[type="checkbox"]').click();
      await page.locator('>>> pt-plan-preview >>> button').click();
      await waitForText(page, 'Frames per second, expected');
    } finally {
      await page.close();
      await peer.stop();
    }
    expect(world.takeComplaints()).toEqual([]);
  });

  it('loads no more than 250 KB before its engine', async () => {
    const page = fileURLToPath(new URL('../../dist/page/', import.meta.url));
    const html = await readFile(`${page}index.html`, 'utf8');
    const files = [...html.matchAll(/(?:src|href)="\/?(assets\/[^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(1);
    const sizes = await Promise.all(
      files.map(async (file) => gzipSync(await readFile(`${page}${file}`)).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, gzipSync(html).length)).toBeLessThan(250_000);
  });

  it('is built without anything of Node', async () => {
    const assets = fileURLToPath(new URL('../../dist/page/assets/', import.meta.url));
    const scripts = (await readdir(assets)).filter((name) => name.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(2);
    const guilty: string[] = [];
    for (const name of scripts) {
      // Vite stands an empty module in for those of Node.
      if (
        /browser-external|(?:from|import|require\()\s*["'`]node:/.test(
          await readFile(`${assets}${name}`, 'utf8'),
        )
      )
        guilty.push(name);
    }
    expect(guilty).toEqual([]);
  });

  it('keeps the secret from the server', async () => {
    const link = world.newRoom();
    const page = await world.open('about:blank');
    const sent: string[] = [];
    const client = await page.createCDPSession();
    await client.send('Network.enable');
    client.on('Network.webSocketFrameSent', ({ response }) => sent.push(response.payloadData));
    client.on('Network.requestWillBeSent', ({ request }) =>
      sent.push(request.url, JSON.stringify(request.headers)),
    );
    await page.goto(formatRoomLink(link));
    await waitForText(page, 'In the room');
    expect(sent.length).toBeGreaterThan(2);
    expect(sent.filter((text) => text.includes(link.secret) || text.includes(link.room))).toEqual([]);
    await page.close();
  });
});
