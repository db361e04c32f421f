import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { startProgram } from '../support/program.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

describe('a peer that is killed in the middle of a run', () => {
  it('ends the run with PEER_LOST, and the others serve the next one', async () => {
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
    const run = startProgram(['infer', folder, ...room, '--peers', '3', '--json']);
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
