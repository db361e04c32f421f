import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrames } from '../../headless/frames.ts';
import { loadModelByName } from '../../headless/model-files.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { spreadModel } from '../../headless/spread-model.ts';
import { pipelinePlanFile, writePipelinePlan } from '../support/pipeline-plan-file.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { runInOrder, type FrameInputs } from '../../src/runtime/frame-stream.ts';
import type { Session } from '../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../src/runtime/whole-model.ts';
import { runProgram, startProgram } from '../support/program.ts';

const samples = 'public/models/digits/samples';
const undo: (() => unknown)[] = [];
/** Of a room with two peer processes. */
let link: string;
beforeAll(async () => {
  const server = startProgram(['serve', '--port', '0', '--peers', '2', '--json']);
  undo.push(() => server.stop());
  link = ((await server.firstJson()) as { local: string }).local;
});
afterAll(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function requester(name: string, window?: number): Promise<Session> {
  const joined = await joinNodeMesh({ link: parseRoomLink(link), name });
  undo.push(() => joined.mesh.leave());
  const peers = await gatherPeers(joined.mesh, { count: 2, timeoutMs: 30_000 });
  const model = await loadModelByName('digits', {});
  const { session } = await spreadModel({
    joined,
    model,
    peers,
    planFile: pipelinePlanFile(model.graph, 2),
    window,
  });
  undo.push(() => session.close());
  return session;
}

/** Counts how many frames are in flight at once. */
function counting(session: Session) {
  let inFlight = 0;
  const counted = {
    most: 0,
    window: session.window,
    run: async (...args: Parameters<Session['run']>) => {
      counted.most = Math.max(counted.most, (inFlight += 1));
      try {
        return await session.run(...args);
      } finally {
        inFlight -= 1;
      }
    },
  };
  return counted;
}

describe('files, lossless', () => {
  it('come in order, each equal to the unsplit model, with many frames in flight', async () => {
    const session = counting(await requester('files', 12));
    const model = await loadModelByName('digits', {});
    const whole = await loadWholeModel(createReferenceEngine(), model.graph, model.weights);
    const frames = randomFrames(model.graph, 5, 40);
    const names: string[] = [];
    for await (const { frame, inputs, result } of runInOrder(session, frames, ({ inputs }) => inputs())) {
      names.push(frame.name);
      const expected = await whole.run(inputs);
      expect(compareOutputs(result.outputs, expected.outputs), frame.name).toMatchObject({
        withinTolerance: true,
      });
    }
    expect(names).toEqual(frames.map(({ name }) => name));
    expect(session.most).toBeGreaterThanOrEqual(12);
  });

  it('are run by infer with as many in flight as the plan has use for', async () => {
    const { flags, remove } = writePipelinePlan((await loadModelByName('digits', {})).graph, 2);
    undo.push(remove);
    const run = await runProgram(['infer', samples, '--model', 'digits', ...flags, '--verify', '--json']);
    expect(run.code, run.stderr).toBe(0);
    const report = JSON.parse(run.stdout) as { window: number; results: { input: string }[] };
    expect(report.window).toBe(4);
    const inputs = report.results.map(({ input }) => basename(input));
    expect(inputs).toEqual(inputs.toSorted());
    expect(inputs.length).toBeGreaterThanOrEqual(10);
  });
});

interface LiveJson {
  readonly live: Readonly<
    Record<'offered' | 'started' | 'computed' | 'dropped' | 'failed' | 'ips', number>
  > & {
    readonly endToEndMs: { readonly p50: number; readonly p95: number };
  };
  readonly results: readonly {
    readonly input: string;
    readonly offered: number;
    readonly endToEndMs: number;
    readonly latencyMs: number;
    readonly top: readonly { readonly label: string }[];
  }[];
}

describe('live video', () => {
  it('is computed latest frame first: dropped frames are counted, results are right and never go back', async () => {
    // Far more frames than two peers can compute.
    const camera = ['--live', '--fps', '2000', '--seconds', '2', '--window', '2'];
    const run = await runProgram([
      'infer',
      samples,
      '--model',
      'digits',
      '--peers',
      '2',
      ...camera,
      '--json',
    ]);
    expect(run.code, run.stderr).toBe(0);
    const { live, results } = JSON.parse(run.stdout) as LiveJson;
    expect(live.offered).toBe(4000);
    expect(live.failed).toBe(0);
    expect(live.dropped).toBeGreaterThan(0);
    expect(live.computed).toBeGreaterThan(0);
    expect(live.computed + live.dropped).toBe(live.offered);
    expect(live.computed).toBe(results.length);
    expect(live.started).toBeGreaterThanOrEqual(live.computed);
    const order = results.map(({ offered }) => offered);
    expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
    for (const { input, top, endToEndMs, latencyMs } of results) {
      expect(top[0]!.label, input).toBe(basename(input)[0]);
      // Waiting, decoding and encoding are part of it.
      expect(endToEndMs).toBeGreaterThanOrEqual(latencyMs);
    }
    expect(live.endToEndMs.p95).toBeGreaterThanOrEqual(live.endToEndMs.p50);
  });

  it('cannot be verified, and says so', async () => {
    const run = await runProgram([
      'infer',
      samples,
      '--model',
      'digits',
      '--peers',
      '1',
      '--live',
      '--verify',
    ]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('--live drops what is late');
  });
});

describe('two requesters at once on the same peers', () => {
  it('both get the results of the unsplit model, and neither waits for the other to end', async () => {
    const sessions = await Promise.all(['one', 'two'].map((name) => requester(name)));
    const model = await loadModelByName('digits', {});
    const whole = await loadWholeModel(createReferenceEngine(), model.graph, model.weights);
    const count = 60;
    const done = [0, 0];
    let othersAtTheFirstEnd: number | undefined;
    const outcomes = await Promise.all(
      sessions.map(async (session, index) => {
        const frames = randomFrames(model.graph, 100 * (index + 1), count);
        const results: { inputs: FrameInputs; outputs: readonly Float32Array[] }[] = [];
        for await (const { inputs, result } of runInOrder(session, frames, ({ inputs }) => inputs())) {
          results.push({ inputs, outputs: result.outputs });
          done[index]! += 1;
        }
        othersAtTheFirstEnd ??= done[1 - index]!;
        return results;
      }),
    );
    // One after the other would be 0. Equal shares would be all; whoever began first may be ahead.
    expect(othersAtTheFirstEnd).toBeGreaterThan(count / 4);
    for (const { inputs, outputs } of outcomes.flat()) {
      expect(compareOutputs(outputs, (await whole.run(inputs)).outputs).withinTolerance).toBe(true);
    }
  });
});
