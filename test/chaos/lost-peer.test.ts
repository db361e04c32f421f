import { basename, join } from 'node:path';
import { tmpdir } from 'node:os';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import { writePipelinePlan } from '../support/pipeline-plan-file.ts';
import { startProgram } from '../support/program.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

describe('a peer that is killed in the middle of a run by a plan from a file', () => {
  it('ends the run with PEER_LOST, and the others serve the next one', async () => {
    const pipeline = writePipelinePlan((await loadModelByName('digits')).graph, 3);
    undo.push(pipeline.remove);
    const server = startProgram(['serve', '--port', '0', '--peers', '2', '--json']);
    undo.push(() => server.stop('SIGKILL'));
    const { local } = (await server.firstJson()) as { local: string };
    const victim = startProgram(['join', '--json', '--name', 'victim'], { PEERCEPTRON_URL: local });
    undo.push(() => victim.stop('SIGKILL'));
    await victim.line((line) => (line.includes('"joined"') ? line : undefined));

    // A folder with many pictures keeps the run going for as long as this test may take.
    const folder = mkdtempSync(join(tmpdir(), 'peerceptron-many-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const picture = join(process.cwd(), 'public/models/digits/samples/5-print.png');
    for (let index = 0; index < 5000; index++) symlinkSync(picture, join(folder, `${index}.png`));
    const room = ['--model', 'digits', '--room', local];
    const run = startProgram(['infer', folder, ...room, ...pipeline.flags, '--json']);
    undo.push(() => run.stop('SIGKILL'));
    await victim.line((line) => (line.includes('"tile-done"') ? line : undefined));
    victim.process.kill('SIGKILL');
    const { code, stdout } = await run.finished;
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as { error: { code: string } }).error.code).toBe('PEER_LOST');

    const next = startProgram(['infer', picture, ...room, '--peers', '2', '--verify', '--json']);
    undo.push(() => next.stop('SIGKILL'));
    expect((await next.finished).code).toBe(0);
  });
});

describe('a peer that is killed in the middle of a run as planned', () => {
  it('costs time only: every picture is answered, in order', async () => {
    // The others are so much slower that no plan does without the one that is killed.
    const server = startProgram(['serve', '--port', '0', '--peers', '2', '--engine', 'reference', '--json']);
    undo.push(() => server.stop('SIGKILL'));
    const { local } = (await server.firstJson()) as { local: string };
    const victim = startProgram(['join', '--json', '--name', 'victim', '--profile', 'fresh'], {
      PEERCEPTRON_URL: local,
    });
    undo.push(() => victim.stop('SIGKILL'));
    await victim.line((line) => (line.includes('"profile"') ? line : undefined));

    const folder = mkdtempSync(join(tmpdir(), 'peerceptron-many-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const picture = join(process.cwd(), 'public/models/digits/samples/5-print.png');
    const names = Array.from({ length: 1000 }, (_, index) => `${String(index).padStart(4, '0')}.png`);
    for (const name of names) symlinkSync(picture, join(folder, name));
    const flags = [
      '--model',
      'digits',
      '--room',
      local,
      '--peers',
      '3',
      '--objective',
      'throughput',
      '--json',
    ];
    const run = startProgram(['infer', folder, ...flags]);
    undo.push(() => run.stop('SIGKILL'));
    await victim.line((line) => (line.includes('"tile-done"') ? line : undefined));
    victim.process.kill('SIGKILL');
    const { code, stdout, stderr } = await run.finished;
    expect(code, stderr).toBe(0);
    const { results } = JSON.parse(stdout) as {
      results: { input: string; top: { label: string }[]; frame?: unknown }[];
    };
    expect(results.map(({ input }) => basename(input))).toEqual(names);
    expect(new Set(results.map(({ top }) => top[0]!.label))).toEqual(new Set(['5']));
  });
});
