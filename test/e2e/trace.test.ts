import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import type { ChromeTrace } from '../../src/runtime/trace/chrome-trace.ts';
import type { TraceSummary } from '../../src/runtime/trace/summary.ts';
import { chromeTraceProblems } from '../support/chrome-trace-rules.ts';
import { writePipelinePlan } from '../support/pipeline-plan-file.ts';
import { runProgram } from '../support/program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-trace-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Report {
  readonly peers: readonly { readonly id: string; readonly name: string }[];
  readonly results: readonly {
    readonly tiles: readonly { readonly peer: string; readonly computeMs: number }[];
  }[];
  readonly trace: Omit<TraceSummary, 'devices'> & {
    readonly devices: readonly (TraceSummary['devices'][number] & {
      readonly name: string;
      readonly clockErrorMs: number;
      readonly lostSpans: number;
    })[];
  };
}

const digits = await loadModelByName('digits');
const pipeline = writePipelinePlan(digits.graph, 3);
afterAll(() => pipeline.remove());
const infer = ['infer', '--model', 'digits', '--random-input', '4', ...pipeline.flags];

describe('infer --trace', () => {
  it('writes what three peer processes did for every frame, and says what the bottleneck is', async () => {
    const file = join(folder, 'out.json');
    const { code, stdout, stderr } = await runProgram([...infer, '--trace', file, '--json']);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    const chrome = JSON.parse(readFileSync(file, 'utf8')) as ChromeTrace;
    expect(chromeTraceProblems(chrome)).toEqual([]);

    const nameOf = new Map(
      chrome.traceEvents
        .filter(({ name }) => name === 'process_name')
        .map(({ pid, args }) => [args?.['name'], pid]),
    );
    expect([...nameOf.keys()]).toEqual(['requester', 'peer-1', 'peer-2', 'peer-3']);
    const slices = chrome.traceEvents.filter(({ ph }) => ph === 'X');
    for (const { id, name } of report.peers) {
      const own = slices.filter(({ pid }) => pid === nameOf.get(name));
      for (const stage of ['receive', 'assemble', 'wait', 'queue', 'compute', 'encode', 'send']) {
        const frames = own.filter(({ cat }) => cat === stage).map(({ args }) => args?.['frame']);
        expect(frames.sort(), `${name} ${stage}`).toEqual([0, 1, 2, 3]);
      }
      const reported = report.results
        .flatMap(({ tiles }) => tiles)
        .filter(({ peer }) => peer === id)
        .reduce((sum, { computeMs }) => sum + computeMs, 0);
      const traced = own
        .filter(({ cat }) => cat === 'compute')
        .reduce((sum, { dur }) => sum + dur! / 1000, 0);
      // Four spans, in whole nanoseconds, on a clock that is read across a drift of parts per million.
      expect(traced / reported).toBeCloseTo(1, 3);
    }

    const errorOf = new Map(report.trace.devices.map(({ name, clockErrorMs }) => [name, clockErrorMs]));
    const sends = slices.filter(({ cat }) => cat === 'send');
    expect(sends).toHaveLength(4 * 4);
    for (const send of sends) {
      const { frame, segment, from, to } = send.args as {
        readonly [key in 'frame' | 'segment']: number;
      } & { readonly [key in 'from' | 'to']: string };
      const receive = slices.find(
        ({ cat, args }) => cat === 'receive' && args?.['frame'] === frame && args?.['segment'] === segment,
      )!;
      const slackMs = errorOf.get(from)! + errorOf.get(to)! + 1e-3;
      expect(receive.ts! / 1000).toBeGreaterThanOrEqual(send.ts! / 1000 - slackMs);
      expect(receive.args?.['bytes']).toBe(send.args?.['bytes']);
    }

    const { trace } = report;
    expect(trace.devices.map(({ lostSpans }) => lostSpans)).toEqual([0, 0, 0, 0]);
    expect(trace.frames.map(({ frame }) => frame)).toEqual([0, 1, 2, 3]);
    for (const { latencyMs, stagesMs } of trace.frames) {
      const sumMs = Object.values(stagesMs).reduce((sum, ms) => sum + ms, 0);
      expect(sumMs).toBeCloseTo(latencyMs, 6);
      expect(stagesMs.compute).toBeGreaterThan(0);
      expect(stagesMs.unknown ?? 0).toBe(0);
    }
    expect(trace.links).toHaveLength(4);
    expect(trace.bottleneck.sentence).toMatch(/^Rate: .* Latency: \d+ % of a frame's .*\.$/);
  });

  it('tells a person what the bottleneck is', async () => {
    const file = join(folder, 'out.json');
    const { code, stdout, stderr } = await runProgram([...infer, '--trace', file]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^device +computes +compute/m);
    expect(stdout).toMatch(/^peer-1 → peer-2 +4 /m);
    expect(stdout).toMatch(/^Rate: .* Latency: /m);
    expect(stdout).toContain(`in ${file}: open it at ui.perfetto.dev`);
  });

  it('refuses a file that cannot be written before it starts a peer, and leaves none behind when it fails', async () => {
    const file = join(folder, 'missing', 'out.json');
    const { code, stdout, stderr } = await runProgram([...infer, '--trace', file, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'OUTPUT_UNWRITABLE' } });
    expect(stderr).not.toContain('starting');

    const never = join(folder, 'never.json');
    const failed = await runProgram([...infer.slice(0, -2), '--room', 'nonsense', '--trace', never]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('ROOM_LINK_INVALID');
    expect(existsSync(never)).toBe(false);
  });
});
