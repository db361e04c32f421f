import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { chromiumMissing, findChromium } from '../../scripts/setup/chromium.mjs';
import { setUp } from '../../scripts/setup.mjs';
import { chromiumFlags, showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { parseGraph } from '../../src/graph/parse.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { openSession } from '../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../src/runtime/whole-model.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { fileBytes } from '../../src/weights/file-source.ts';
import { readSafetensors } from '../../src/weights/safetensors.ts';
import { storedSource } from '../../src/weights/stored-source.ts';
import { waitForText } from '../support/page-world.ts';
import { startPeerServer, type LocalPeerServer } from '../support/peer-server.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Any static host: files and nothing else. `peerceptron.json` is the one that its owner would write. */
function startStaticHost(settings: object): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize((request.url ?? '/').split('?')[0]!.replace(/\/$/, '/index.html'));
    const content =
      path === '/peerceptron.json'
        ? Promise.resolve(JSON.stringify(settings))
        : readFile(join(at('dist/page'), path));
    content.then(
      (bytes) =>
        response
          .writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' })
          .end(bytes),
      () => response.writeHead(404).end('Not found'),
    );
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

let peerServer: LocalPeerServer;
let host: Server;
let origin: string;
let browser: Browser;
beforeAll(async () => {
  await setUp('build');
  peerServer = await startPeerServer();
  host = await startStaticHost({ peerServer: { host: '127.0.0.1', port: peerServer.port, secure: false } });
  origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}/`;
  const executablePath = findChromium();
  if (!executablePath) throw chromiumMissing();
  browser = await puppeteer.launch({
    executablePath,
    headless: true,
    args: [...chromiumFlags({ graphics: false }), showLocalAddresses],
  });
});
afterAll(async () => {
  await browser?.close();
  host?.close();
  await peerServer?.close();
});

async function open(url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}

describe('the page on a static host', () => {
  it('makes a room over a PeerServer; two pages and a Node peer compute digits in it together', async () => {
    const first = await open(origin);
    await waitForText(first, 'No room yet');
    await first.locator('>>> button').click();
    await waitForText(first, 'Your room is ready');
    const href = await first.$eval('>>> a.button', (link) => link.href);
    expect(href.slice(origin.length)).toMatch(
      new RegExp(`^#peerjs-ws:127\\.0\\.0\\.1:${peerServer.port}/[a-z-]+\\.[0-9a-z]{32}$`),
    );
    await first.locator('>>> a.button').click();
    await waitForText(first, 'In the room, waiting for other devices');
    // The link alone says which PeerServer it is.
    const second = await open(href);
    await waitForText(second, '1 other device here');
    await waitForText(first, '1 other device here');

    const { mesh, node } = await joinNodeMesh({ link: parseRoomLink(href), name: 'requester' });
    const engine = createReferenceEngine();
    try {
      await expect.poll(() => mesh.members.size, { timeout: 20_000 }).toBe(2);
      const stored = JSON.parse(await readFile(at('public/models/digits/graph.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      delete stored['weights'];
      const graph = parseGraph(stored);
      const { tensors } = await readSafetensors(fileBytes(at('public/models/digits/weights.safetensors')));
      const weights = storedSource(tensors);
      const session = await openSession({
        node,
        graph,
        weights,
        plan: pipelinePlan({
          graph,
          session: asSessionId('6'.repeat(32)),
          epoch: 0,
          peers: [...mesh.members.keys()].map((id) => ({ id, speed: 1 })),
        }),
        clock: systemClock,
      });
      const whole = await loadWholeModel(engine, graph, weights);
      const random = seededRandom(7);
      for (let frame = 0; frame < 3; frame++) {
        const image = Float32Array.from({ length: 32 * 32 }, () => random.next());
        const { outputs } = await session.run([image.slice()]);
        expect(compareOutputs(outputs, (await whole.run([image])).outputs)).toMatchObject({
          withinTolerance: true,
          sameTop1: true,
        });
      }
      for (const page of [first, second]) await waitForText(page, 'Frames 3');
      await session.close();
    } finally {
      await mesh.leave();
      await engine.dispose();
    }
    await first.close();
    await second.close();
  });
});
