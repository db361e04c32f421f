import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { InferReport } from '../support/infer-report.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { hasRealdata, realdata, realdataNote } from '../support/realdata.ts';
import { startChromium } from '../support/chromium.ts';
import { loadModelByName } from '../../headless/model-files.ts';
import { writePipelinePlan } from '../support/pipeline-plan-file.ts';

const sample = 'public/models/digits/samples/5-print.png';
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const elephant = [realdata('images/elephant/elephant.jpg')];
const mobilenet = ['--model', realdata('tfjs-layers-mobilenet-v1-025/mobilenet_model.json')];

/** Flags for a plan that gives every peer a stage of the model. */
async function pipelineOver(peers: number, model: string): Promise<readonly string[]> {
  const { flags, remove } = writePipelinePlan((await loadModelByName(model)).graph, peers);
  undo.push(remove);
  return flags;
}

function expectSpread(report: InferReport, peerCount: number): void {
  expect(report.peers).toHaveLength(peerCount);
  expect(new Set(report.peers.map(({ id }) => id)).size).toBe(peerCount);
  for (const peer of report.peers) {
    expect(peer.tiles.length, peer.name).toBeGreaterThan(0);
    for (const tile of peer.tiles) {
      expect(tile.frames, peer.name).toBe(1);
      expect(tile.computeMs, peer.name).toBeGreaterThan(0);
    }
  }
  expect(report.latencyMs).toBeGreaterThan(0);
  expect(report.verify.maxAbsDiff).toBeLessThanOrEqual(1e-4);
  expect(report.verify).toMatchObject({ sameTop1: true, withinTolerance: true });
}

describe('infer', () => {
  it('classifies a sample picture over three peer processes, equal to the unsplit model', async () => {
    const { code, stdout, stderr } = await runProgram([
      'infer',
      sample,
      '--model',
      'digits',
      ...(await pipelineOver(3, 'digits')),
      '--verify',
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as InferReport;
    expect(report.top[0]).toMatchObject({ index: 5, label: '5' });
    expectSpread(report, 3);
  });

  it.skipIf(!hasRealdata)(
    `runs MobileNet on the elephant over three peer processes${realdataNote}`,
    async () => {
      const { code, stdout, stderr } = await runProgram([
        'infer',
        ...elephant,
        ...mobilenet,
        ...(await pipelineOver(3, mobilenet[1]!)),
        '--verify',
        '--json',
      ]);
      expect(code, stderr).toBe(0);
      const report = JSON.parse(stdout) as InferReport;
      expect([101, 385, 386]).toContain(report.top[0]!.index);
      expectSpread(report, 3);
    },
  );

  it.skipIf(!hasRealdata)(
    `runs MobileNet over one Node peer and one Chromium page, with the same result${realdataNote}`,
    async () => {
      const server = startProgram(['serve', '--port', '0', '--peers', '1', '--json']);
      undo.push(() => server.stop());
      const { local } = (await server.firstJson()) as { local: string };
      const chromium = await startChromium();
      undo.push(() => chromium.close());
      const page = await chromium.newPage();
      await page.goto(local);

      const { code, stdout, stderr } = await runProgram([
        'infer',
        ...elephant,
        ...mobilenet,
        '--room',
        local,
        ...(await pipelineOver(2, mobilenet[1]!)),
        '--verify',
        '--json',
      ]);
      expect(code, stderr).toBe(0);
      const report = JSON.parse(stdout) as InferReport;
      expect([101, 385, 386]).toContain(report.top[0]!.index);
      expectSpread(report, 2);
      expect(report.peers.some(({ name }) => name === 'peer-1')).toBe(true);
      expect(report.peers.some(({ name }) => name !== 'peer-1')).toBe(true);
    },
  );

  it('runs a hand-written plan: replicas of row bands, then channels, then a split contraction', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peerceptron-plan-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const { stdout } = await runProgram(['inspect', 'digits', '--json']);
    const { layers } = JSON.parse(stdout) as {
      layers: { id: string; op: string; outputShape: number[] }[];
    };
    const full = (shape: readonly number[]): [number, number][] => shape.map((extent) => [0, extent]);
    const half = (extent: number): [number, number][] => [
      [0, extent >> 1],
      [extent >> 1, extent],
    ];
    const firstDense = layers.findIndex(({ op }) => op === 'dense');
    const pool = layers.findIndex(({ op }) => op === 'max-pool');
    const tilesAlong = (index: number, axis: number, peers: number[]) =>
      half(layers[index]!.outputShape[axis]!).map((range, i) => ({
        peer: peers[i]!,
        outputs: [
          {
            tensor: layers[index]!.id,
            box: full(layers[index]!.outputShape).map((whole, j) => (j === axis ? range : whole)),
          },
        ],
      }));
    const denseInput = layers[firstDense - 1]!.outputShape;
    const plan = {
      segments: [
        {
          ops: [0, pool + 1],
          lanes: [
            { share: 1, tiles: tilesAlong(pool, 0, [0, 1]) },
            { share: 1, tiles: tilesAlong(pool, 1, [1, 2]) },
          ],
        },
        { ops: [pool + 1, firstDense], lanes: [{ share: 1, tiles: tilesAlong(firstDense - 1, 2, [2, 0]) }] },
        {
          ops: [firstDense, firstDense + 1],
          lanes: [
            {
              share: 1,
              tiles: half(denseInput[2]!).map((range, i) => ({
                peer: i,
                outputs: [{ tensor: layers[firstDense]!.id, box: full(layers[firstDense]!.outputShape) }],
                reduce: full(denseInput).map((whole, axis) => (axis === 2 ? range : whole)),
              })),
            },
          ],
        },
        {
          ops: [firstDense + 1, layers.length],
          lanes: [
            {
              share: 1,
              tiles: [
                {
                  peer: 2,
                  outputs: [{ tensor: layers.at(-1)!.id, box: full(layers.at(-1)!.outputShape) }],
                },
              ],
            },
          ],
        },
      ],
    };
    const file = join(folder, 'plan.json');
    writeFileSync(file, JSON.stringify(plan));
    const run = await runProgram([
      'infer',
      'public/models/digits/samples',
      '--model',
      'digits',
      '--peers',
      '3',
      '--plan',
      file,
      '--verify',
      '--json',
    ]);
    expect(run.code, run.stderr).toBe(0);
    const report = JSON.parse(run.stdout) as InferReport;
    expect(report.results.length).toBeGreaterThanOrEqual(10);
    expect(report.verify).toMatchObject({ sameTop1: true, withinTolerance: true });
    // Both lanes of the first segment were dealt frames.
    const frames = report.peers.flatMap(({ tiles }) => tiles.map((tile) => tile.frames));
    expect(Math.min(...frames)).toBeGreaterThan(0);
    expect(report.peers).toHaveLength(3);
  });

  it.each([
    [
      'a picture that does not exist',
      ['infer', 'nowhere.png', '--model', 'digits', '--peers', '1'],
      1,
      'INPUT_INVALID',
    ],
    [
      'a file that is no picture',
      ['infer', 'package.json', '--model', 'digits', '--peers', '1'],
      1,
      'INPUT_INVALID',
    ],
    [
      'a model that does not exist',
      ['infer', sample, '--model', 'nowhere', '--peers', '1'],
      1,
      'MODEL_NOT_FOUND',
    ],
    ['a model that is none', ['infer', sample, '--model', 'package.json', '--peers', '1'], 1, 'MODEL_'],
    [
      'a plan that is no plan',
      ['infer', sample, '--model', 'digits', '--peers', '1', '--plan', 'package.json'],
      1,
      'PLAN_INVALID',
    ],
    ['no peers to compute on', ['infer', sample, '--model', 'digits'], 2, 'USAGE'],
    [
      'a room link that is none',
      ['infer', sample, '--model', 'digits', '--room', 'http://127.0.0.1/'],
      1,
      'ROOM_LINK_INVALID',
    ],
    [
      'a server that is not there',
      ['infer', sample, '--model', 'digits', '--room', `http://127.0.0.1:9/#a.${'0'.repeat(26)}`],
      1,
      'SIGNALING_UNREACHABLE',
    ],
  ])('refuses %s with a code and a sentence', async (_, args, exit, code) => {
    const run = await runProgram([...args, '--json']);
    expect(run.code, run.stderr).toBe(exit);
    const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string } };
    expect(error.code).toContain(code);
    expect(error.message.length).toBeGreaterThan(20);
    expect(run.stderr).toContain(error.message);
  });
});
