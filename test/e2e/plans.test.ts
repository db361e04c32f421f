import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import { graphCost } from '../../src/graph/inspect.ts';
import { compilePlan } from '../../src/planner/compiled-plan.ts';
import { memoryPerPeer } from '../../src/planner/memory.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { bands, channels, flowing, whole } from '../../src/planner/splits.ts';
import type { InferReport } from '../support/infer-report.ts';
import { runProgram } from '../support/program.ts';

const sample = 'public/models/digits/samples/5-print.png';
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function saved(plan: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'peerceptron-plan-'));
  undo.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  return file;
}

describe('infer --plan', () => {
  it('runs a file of the builder over three processes: bands, channels that flow into a dense layer, units', async () => {
    const { graph } = await loadModelByName('digits');
    const three = [0, 1, 2];
    const dense = graph.nodes.findIndex(({ op }) => op.kind === 'dense');
    const pools = graph.nodes.filter(({ op }) => op.kind === 'max-pool');
    const file = planBuilder(graph)
      .segment({ through: pools[0]!.id, split: bands({ axis: 'height', peers: three, shares: [1, 2, 1] }) })
      .layers({ through: graph.nodes[dense - 1]!.id, split: channels({ peers: three }) })
      .segment({ through: graph.nodes[dense]!.id, split: flowing() })
      .layers({ through: graph.nodes.at(-2)!.id, split: channels({ peers: three }) })
      .segment({ split: whole(0) })
      .file('for a test');
    const args = ['infer', sample, '--model', 'digits', '--peers', '3', '--verify', '--json'];
    const run = await runProgram([...args, '--plan', saved(file)]);
    expect(run.code, run.stderr).toBe(0);
    const report = JSON.parse(run.stdout) as InferReport & { plan: Plan };
    expect(report.verify).toMatchObject({ sameTop1: true, withinTolerance: true });
    expect(report.top[0]).toMatchObject({ index: 5 });

    // Every peer holds what its tiles need, and no more: bands share the first layer, all else exists once.
    const needs = memoryPerPeer(compilePlan(graph, report.plan), 1);
    for (const { id, weightBytes } of report.peers) {
      expect(weightBytes).toBe([...needs].find(([peer]) => peer === id)![1].weightBytes);
    }
    const { layers, parameters } = graphCost(graph);
    const pool = layers.findIndex(({ id }) => id === pools[0]!.id);
    const banded = layers.slice(0, pool).reduce((sum, layer) => sum + layer.parameters, 0);
    const held = report.peers.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    expect(held).toBe(4 * (parameters + 2 * banded));
  });

  it.each([
    ['a plan for another model', 'examples/plans/vgg16-11.json', /PLAN_INVALID/, /'vgg16'.*'alexnet'/],
    ['a plan for more peers', 'examples/plans/alexnet-4-mixed.json', /PLAN_NO_PEERS/, /--peers \d/],
  ])('refuses %s with a code and a sentence', async (_, plan, code, message) => {
    const run = await runProgram([
      ...['infer', '--random-input', '--model', 'alexnet', '--peers', '1'],
      ...['--plan', plan, '--json'],
    ]);
    expect(run.code, run.stderr).toBe(1);
    const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string } };
    expect(error.code).toMatch(code);
    expect(error.message).toMatch(message);
  });
});
