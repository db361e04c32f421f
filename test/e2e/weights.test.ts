import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeModel } from '../../headless/import-model.ts';
import { loadModelByName } from '../../headless/model-files.ts';
import { NETWORKS } from '../../src/models/presets.ts';
import { fullBox, type Shape } from '../../src/graph/box.ts';
import { weightShapes } from '../../src/graph/shapes.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { seededSource, seededTensors } from '../../src/weights/seeded-source.ts';
import { writeSafetensors } from '../../src/weights/safetensors.ts';
import { serveFile } from '../../signaling/static-files.ts';
import type { InferReport } from '../support/infer-report.ts';
import { runProgram } from '../support/program.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peerceptron-weights-'));
  undo.push(() => rmSync(dir, { recursive: true }));
});

interface Origin {
  readonly url: string;
  readonly port: number;
  bodyBytes: number;
  /** Of the next body: cut off after so many bytes. */
  cutAfter: (() => number | undefined) | undefined;
  /** Changes bytes on their way. */
  corrupt: ((path: string, bytes: Buffer) => void) | undefined;
  cuts: number;
}

/** The files of `dir`, counted, with faults. */
async function originOf(folder: string): Promise<Origin> {
  const origin: Origin = { url: '', port: 0, bodyBytes: 0, cutAfter: undefined, corrupt: undefined, cuts: 0 };
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    const limit = request.method === 'GET' ? origin.cutAfter?.() : undefined;
    let sent = 0;
    const write = response.write.bind(response) as (bytes: Buffer, ...rest: unknown[]) => boolean;
    response.write = ((bytes: Buffer, ...rest: unknown[]) => {
      const copy = Buffer.from(bytes);
      origin.corrupt?.(path, copy);
      const room = limit === undefined ? copy.length : Math.max(0, limit - sent);
      const part = copy.subarray(0, room);
      sent += part.length;
      origin.bodyBytes += part.length;
      if (part.length < copy.length && !response.destroyed) {
        origin.cuts += 1;
        // Only once they are on their way: a socket that is destroyed throws away what waits in it.
        write(part, () => response.destroy());
        return false;
      }
      return write(part, ...rest);
    }) as typeof response.write;
    serveFile({ path: '/', dir: folder, shared: true }, path, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return Object.assign(origin, { port, url: `http://127.0.0.1:${port}` });
}

interface WeightReport extends InferReport {
  readonly weightSources: Readonly<
    Record<'cacheBytes' | 'peerBytes' | 'originBytes' | 'requesterBytes', number>
  >;
  readonly download: { readonly cacheBytes: number; readonly originBytes: number };
}

async function infer(model: readonly string[], cache: readonly string[]): Promise<WeightReport> {
  const { code, stdout, stderr } = await runProgram([
    'infer',
    ...model,
    '--random-input',
    '--peers',
    '2',
    '--verify',
    '--json',
    ...cache,
  ]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as WeightReport;
}

/** Some megabytes of weights in our own layout: a smaller AlexNet. */
async function ownModel(): Promise<string> {
  const inputShape: Shape = [63, 63, 3];
  const graph = NETWORKS.alexnet({ inputShape });
  const weights = seededSource(seededTensors(graph), 3);
  const folder = join(dir, 'own');
  await writeModel({ graph, original: graph, weights, location: 'a', format: 'preset' }, { dir: folder });
  return folder;
}

describe('weights over HTTP', () => {
  it('a second start reads nothing from the origin, and a first one resumes after every cut', async () => {
    const folder = await ownModel();
    const fileBytes = statSync(join(folder, 'weights.safetensors')).size;
    const origin = await originOf(folder);
    const model = ['--model', `${origin.url}/graph.json`];
    const cache = ['--cache', join(dir, 'cache')];
    const random = seededRandom(6);
    origin.cutAfter = () => (random.integer(3) === 0 ? random.integer(2_000_000) : undefined);
    const first = await infer(model, cache);
    expect(first.verify).toMatchObject({ withinTolerance: true, sameTop1: true });
    expect(origin.cuts).toBeGreaterThan(3);
    const { weightSources } = first;
    expect(weightSources.originBytes + weightSources.cacheBytes).toBeGreaterThan(0);
    // The requester reads the file for --verify beside what the peers fetched, each a copy at most.
    expect(origin.bodyBytes).toBeLessThanOrEqual(2 * (fileBytes + origin.cuts * 256 * 1024) + 2_000_000);

    origin.cutAfter = undefined;
    origin.bodyBytes = 0;
    const second = await infer(model, cache);
    expect(origin.bodyBytes).toBe(0);
    expect(second.weightSources).toMatchObject({ peerBytes: 0, originBytes: 0, requesterBytes: 0 });
    expect(second.download.originBytes).toBe(0);
    expect(second.top).toEqual(first.top);
  });

  it('a file in another layout is read once for the room, and from the cache at the second start', async () => {
    const { graph, weights } = await loadModelByName('digits');
    const tensors = await Promise.all(
      [...weightShapes(graph)].map(async ([name, shape]) => ({
        name,
        shape,
        data: await weights.read(name, fullBox(shape)),
      })),
    );
    const bytes = writeSafetensors(tensors);
    writeFileSync(join(dir, 'weights.safetensors'), bytes);
    writeFileSync(join(dir, 'graph.json'), JSON.stringify({ ...graph, weights: 'weights.safetensors' }));
    const graphBytes = (await readFile(join(dir, 'graph.json'))).length;
    const origin = await originOf(dir);
    const model = ['--model', `${origin.url}/graph.json`];
    const first = await infer(model, ['--cache', join(dir, 'cache')]);
    expect(origin.bodyBytes).toBe(bytes.length + graphBytes);
    expect(first.weightSources.requesterBytes).toBeGreaterThan(0);
    origin.bodyBytes = 0;
    await infer(model, ['--cache', join(dir, 'cache')]);
    expect(origin.bodyBytes).toBe(0);
  });

  it('flipped bits at the origin end in a coded error that names the tensor, never in wrong numbers', async () => {
    const folder = await ownModel();
    const origin = await originOf(folder);
    origin.corrupt = (path, bytes) => {
      if (path.endsWith('.safetensors') && bytes.length > 0) bytes[bytes.length >> 1]! ^= 1;
    };
    const { code, stdout } = await runProgram([
      'infer',
      '--model',
      `${origin.url}/graph.json`,
      '--random-input',
      '--peers',
      '2',
      '--json',
      '--no-cache',
    ]);
    expect(code).toBe(1);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('WEIGHTS_CORRUPT');
    expect(error.message).toMatch(/weight tensor '.*', block \d+/);
    expect(error.message).toMatch(/another copy/);
  });
});
