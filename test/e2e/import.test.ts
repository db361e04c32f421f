import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import type { InferReport } from '../support/infer-report.ts';
import { writePipelinePlan } from '../support/pipeline-plan-file.ts';
import { runProgram, startProgram } from '../support/program.ts';

const sample = 'public/models/digits/samples/5-print.png';
const digits = await loadModelByName('digits');
const pipeline = writePipelinePlan(digits.graph, 2);
afterAll(() => pipeline.remove());
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

describe('import, serve and infer', () => {
  let folder: string;
  const infer = (model: string, ...more: string[]) =>
    runProgram(['infer', sample, '--model', model, ...pipeline.flags, '--no-cache', '--json', ...more]);
  /** The address of the served copy. */
  async function served(): Promise<string> {
    const server = startProgram(['serve', '--port', '0', '--models', folder, '--json']);
    undo.push(() => server.stop());
    const { port, models } = (await server.firstJson()) as { port: number; models: string[] };
    expect(models.map((link) => new URL(link).pathname)).toEqual(['/models/sound/']);
    const list = await fetch(`http://127.0.0.1:${port}/models/index.json`);
    expect(await list.json()).toMatchObject({ models: [{ name: 'sound', path: 'sound/', format: 'graph' }] });
    return `http://127.0.0.1:${port}/models/sound/`;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'peerceptron-import-e2e-'));
    const { code, stdout, stderr } = await runProgram([
      'import',
      'digits',
      '-o',
      join(folder, 'sound'),
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ graphFile: join(folder, 'sound/graph.json') });
    expect(readdirSync(join(folder, 'sound')).sort()).toEqual([
      'graph.json',
      'weights.layout.json',
      'weights.safetensors',
    ]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('an imported model is run from the address at which it is served, equal to the unsplit one', async () => {
    const { code, stdout, stderr } = await infer(await served(), '--verify');
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as InferReport;
    expect(report.top[0]).toMatchObject({ index: 5, label: '5' });
    expect(report.verify).toMatchObject({ sameTop1: true, withinTolerance: true });
    expect(report.peers).toHaveLength(2);
  });

  it('damaged weights are refused by tensor and file, and another copy stands in for them', async () => {
    const damaged = mkdtempSync(join(tmpdir(), 'peerceptron-damaged-'));
    undo.push(() => rmSync(damaged, { recursive: true }));
    for (const file of readdirSync(join(folder, 'sound'))) {
      const bytes = readFileSync(join(folder, 'sound', file));
      if (file === 'weights.safetensors') bytes[bytes.length - 100]! ^= 1;
      writeFileSync(join(damaged, file), bytes);
    }
    const alone = await infer(damaged);
    expect(alone.code).toBe(1);
    const { error } = JSON.parse(alone.stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('WEIGHTS_CORRUPT');
    expect(error.message).toMatch(/weight tensor '[^']+', block \d+/);
    expect(error.message).toContain(join(damaged, 'weights.safetensors'));

    const helped = await infer(damaged, '--mirror', await served(), '--verify');
    expect(helped.code, helped.stderr).toBe(0);
    expect(helped.stderr).toMatch(/weights\.safetensors is set aside \(WEIGHTS_CORRUPT/);
    expect((JSON.parse(helped.stdout) as InferReport).top[0]).toMatchObject({ index: 5 });
  });

  it('says what is in the way of importing or serving', async () => {
    const again = await runProgram(['import', 'digits', '-o', join(folder, 'sound'), '--json']);
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'OUTPUT_UNWRITABLE' } });
    const below = await runProgram(['import', 'digits', '-o', join(folder, 'sound/graph.json/below')]);
    expect(below.code).toBe(1);
    expect(below.stderr).toMatch(/OUTPUT_UNWRITABLE.*choose another folder/);
    const nowhere = await runProgram(['serve', '--port', '0', '--models', join(folder, 'nowhere')]);
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toMatch(/there is no folder/);
  });
});
