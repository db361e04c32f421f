import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '../../src/graph/graph.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import type { PlanFile } from '../../src/planner/plan-file.ts';
import { whole } from '../../src/planner/splits.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { peerIdOf } from './memory-network.ts';

/** One stage per peer: what a planner that sees how small a network is would hardly choose, and tests of the mesh need. */
export function pipelinePlanFile(graph: Graph, peers: number): PlanFile {
  const stages = pipelinePlan({
    graph,
    session: asSessionId('0'.repeat(32)),
    epoch: 0,
    peers: Array.from({ length: peers }, (_, index) => ({ id: peerIdOf(index), speed: 1 })),
  });
  const builder = planBuilder(graph);
  for (const [stage, { ops }] of stages.segments.entries()) {
    builder.segment({ through: graph.nodes[ops[1] - 1]!.id, split: whole(stage) });
  }
  return builder.file();
}

/** The same as a file on disk, and the flags with which the command line takes it. */
export function writePipelinePlan(
  graph: Graph,
  peers: number,
): { readonly flags: readonly string[]; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'peerceptron-plan-'));
  const file = join(folder, 'pipeline.json');
  writeFileSync(file, JSON.stringify(pipelinePlanFile(graph, peers)));
  return {
    flags: ['--peers', String(peers), '--plan', file],
    remove: () => rmSync(folder, { recursive: true }),
  };
}
